package supervisor

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/entrasync/entrasync/deploy/local/internal/child"
)

// member is one process and the goroutine that looks after it.
type member struct {
	s       *Supervisor
	process Process

	// ctx ends when the process is no longer wanted, go when it is its turn to
	// end: in between it still serves those that need it.
	ctx      context.Context
	quit     context.CancelFunc
	turn     context.Context
	yourTurn context.CancelFunc
	done     chan struct{}

	status Status // under s.mu
}

func newMember(s *Supervisor, p Process) *member {
	m := &member{s: s, process: p, done: make(chan struct{})}
	m.ctx, m.quit = context.WithCancel(context.Background())
	m.turn, m.yourTurn = context.WithCancel(context.Background())
	m.status = Status{
		Name: p.Name, Task: p.Task != nil, State: Waiting, Since: s.now(), Log: s.logPath(p.Name), Version: p.Version,
	}
	return m
}

// stop ends the process and returns when it is gone.
func (m *member) stop() {
	m.quit()
	m.yourTurn()
	<-m.done
}

func (m *member) set(change func(*Status)) {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	before := m.status.State
	change(&m.status)
	if m.status.State != before {
		m.status.Since = m.s.now()
	}
	m.s.notifyLocked()
}

func (m *member) enter(state State, reason string) {
	m.set(func(st *Status) { st.State, st.Reason = state, reason })
}

// run starts the process again and again until it is no longer wanted.
func (m *member) run() {
	defer close(m.done)
	defer m.set(func(st *Status) { st.State, st.PID, st.Reason = Stopped, 0, "" })
	log := &rotating{path: m.s.logPath(m.process.Name), limit: logLimit, keep: logKeep}
	defer func() { _ = log.Close() }()
	wait := m.s.timing.First
	for {
		if !m.awaitNeeds() {
			return
		}
		began := m.s.now()
		readyFor, err := m.attempt(log)
		if m.ctx.Err() != nil {
			return
		}
		if m.process.Task != nil && err == nil {
			m.enter(Ready, "")
			<-m.ctx.Done()
			<-m.turn.Done()
			return
		}
		if readyFor >= m.s.timing.Healthy {
			wait = m.s.timing.First
		}
		reason := "ended by itself"
		if err != nil {
			reason = err.Error()
		}
		m.s.log.Warn("process ended", "process", m.process.Name, "reason", reason, "ran", m.s.now().Sub(began), "restart_in", wait)
		fmt.Fprintf(log, "--- %s: %s; starting again in %s\n", m.s.now().UTC().Format(time.RFC3339), reason, wait)
		m.set(func(st *Status) {
			st.State, st.Reason, st.PID = Backoff, reason, 0
			st.Restarts++
		})
		if !pause(m.ctx, wait) {
			return
		}
		wait = min(2*wait, m.s.timing.Most)
	}
}

// pause waits; false means that ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (m *member) awaitNeeds() bool {
	for {
		missing, changed := m.s.ready(m.process.After)
		if missing == "" {
			return m.ctx.Err() == nil
		}
		// Recorded once: each change wakes all members that wait, and they would wake each other.
		if reason := "waits for " + missing; m.reason() != reason {
			m.enter(Waiting, reason)
		}
		select {
		case <-m.ctx.Done():
			return false
		case <-changed:
		}
	}
}

func (m *member) reason() string {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	return m.status.Reason
}

// attempt runs the process once, to its end, and says for how long it was
// ready.
func (m *member) attempt(log *rotating) (readyFor time.Duration, err error) {
	m.enter(Starting, "")
	fmt.Fprintf(log, "--- %s: starting\n", m.s.now().UTC().Format(time.RFC3339))
	if m.process.Task != nil {
		return 0, m.process.Task(m.ctx, log)
	}
	if m.process.Before != nil {
		if err := m.process.Before(m.ctx); err != nil {
			return 0, err
		}
	}
	spec := m.process.Spec
	spec.Output = log
	p, err := child.Run(spec)
	if err != nil {
		return 0, err
	}
	m.s.log.Info("started", "process", m.process.Name, "pid", p.PID())
	m.set(func(st *Status) { st.PID = p.PID() })
	watch, stopWatching := context.WithCancel(m.ctx)
	defer stopWatching()
	firstReady := make(chan time.Time, 1)
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		m.watch(watch, firstReady)
	}()
	select {
	case <-p.Done():
	case <-m.turn.Done():
		m.stopProcess(p)
	}
	stopWatching()
	<-watching
	// What it started and left behind must not keep the next one's ports.
	_ = child.Signal(p.PID(), syscall.SIGKILL)
	select {
	case at := <-firstReady:
		readyFor = m.s.now().Sub(at)
	default:
	}
	return readyFor, p.Err()
}

func (m *member) stopProcess(p *child.Process) {
	sig := m.process.Stop
	if sig == 0 {
		sig = syscall.SIGTERM
	}
	m.s.log.Info("stopping", "process", m.process.Name, "pid", p.PID())
	p.Stop(sig, m.s.timing.Grace)
}

// watch keeps the state of a running process true.
func (m *member) watch(ctx context.Context, firstReady chan<- time.Time) {
	wasReady := false
	for {
		err := m.probe(ctx)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err == nil && !wasReady:
			wasReady = true
			select {
			case firstReady <- m.s.now():
			default: // it was ready before
			}
			m.enter(Ready, "")
		case err != nil:
			wasReady = false
			if m.reason() != err.Error() {
				m.enter(Starting, err.Error())
			}
		}
		wait := m.s.timing.Poll
		if wasReady {
			wait = m.s.timing.Watch
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

func (m *member) probe(ctx context.Context) error {
	if m.process.Ready == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.s.timing.Probe)
	defer cancel()
	return m.process.Ready(ctx)
}
