package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Supervisor runs a set of processes. The zero value is of no use; see New.
type Supervisor struct {
	logs   string
	timing Timing
	now    func() time.Time
	log    *slog.Logger

	// applying serialises Apply and Stop.
	applying sync.Mutex

	mu      sync.Mutex
	changed chan struct{} // closed and replaced on every change of a status
	order   []string
	members map[string]*member
	stopped bool
}

// New makes a supervisor that writes one log file for each process into the
// folder logs, and what it does itself to log.
func New(logs string, timing Timing, now func() time.Time, log *slog.Logger) *Supervisor {
	return &Supervisor{
		logs: logs, timing: timing, now: now, log: log,
		changed: make(chan struct{}), members: map[string]*member{},
	}
}

// Apply makes the running set equal to the one given, which is in an order in
// which each process follows those it needs. A process that is no longer there
// ends, one whose version differs is started anew, a new one starts, and the
// rest is left alone.
func (s *Supervisor) Apply(processes []Process) error {
	s.applying.Lock()
	defer s.applying.Unlock()
	if err := check(processes); err != nil {
		return err
	}
	wanted := map[string]Process{}
	for _, p := range processes {
		wanted[p.Name] = p
	}
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return errors.New("the supervisor has stopped")
	}
	var outdated []*member
	for i := len(s.order) - 1; i >= 0; i-- {
		m := s.members[s.order[i]]
		if p, ok := wanted[m.process.Name]; !ok || p.Version != m.process.Version {
			outdated = append(outdated, m)
		}
	}
	s.mu.Unlock()
	for _, m := range outdated {
		s.log.Info("stopping, since it has changed", "process", m.process.Name)
		m.stop()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range outdated {
		delete(s.members, m.process.Name)
	}
	s.order = s.order[:0]
	for _, p := range processes {
		s.order = append(s.order, p.Name)
	}
	for _, p := range processes {
		if _, running := s.members[p.Name]; !running {
			m := newMember(s, p)
			s.members[p.Name] = m
			go m.run()
		}
	}
	s.notifyLocked()
	return nil
}

// check refuses a set that could never start.
func check(processes []Process) error {
	seen := map[string]bool{}
	for _, p := range processes {
		if seen[p.Name] {
			return fmt.Errorf("process %s is there twice", p.Name)
		}
		for _, need := range p.After {
			if !seen[need] {
				return fmt.Errorf("process %s needs %s, which does not come before it", p.Name, need)
			}
		}
		seen[p.Name] = true
	}
	return nil
}

// Stop ends all processes, the last first, and returns when none is left. A
// process ends before any that it needs.
func (s *Supervisor) Stop() {
	s.applying.Lock()
	defer s.applying.Unlock()
	s.mu.Lock()
	s.stopped = true
	order := slices.Clone(s.order)
	members := make([]*member, len(order))
	for i, name := range order {
		members[i] = s.members[name]
	}
	s.mu.Unlock()
	// No process is restarted any more, and those that no other one needs end at
	// the same time.
	for _, m := range members {
		m.quit()
	}
	var ended sync.WaitGroup
	for i, m := range members {
		ended.Go(func() {
			for _, later := range members[i+1:] {
				if slices.Contains(later.process.After, m.process.Name) {
					<-later.done
				}
			}
			m.stop()
		})
	}
	ended.Wait()
}

// Status lists all processes in order.
func (s *Supervisor) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.statusLocked()
}

func (s *Supervisor) statusLocked() []Status {
	list := make([]Status, 0, len(s.order))
	for _, name := range s.order {
		list = append(list, s.members[name].status)
	}
	return list
}

// NotReadyError tells which processes were not ready when Wait gave up.
type NotReadyError struct {
	Processes []Status
}

func (e *NotReadyError) Error() string {
	var text strings.Builder
	text.WriteString("not ready:")
	for _, p := range e.Processes {
		fmt.Fprintf(&text, " %s (%s", p.Name, p.State)
		if p.Reason != "" {
			text.WriteString(": " + p.Reason)
		}
		text.WriteString(")")
	}
	return text.String()
}

// Wait returns when all processes are ready, or when ctx ends with a *NotReadyError.
func (s *Supervisor) Wait(ctx context.Context) error {
	for {
		s.mu.Lock()
		list, changed := s.statusLocked(), s.changed
		s.mu.Unlock()
		var missing []Status
		for _, p := range list {
			if p.State != Ready {
				missing = append(missing, p)
			}
		}
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return &NotReadyError{Processes: missing}
		}
	}
}

// Kill sends a signal to one process, not to its group, as an operator's
// "kill" would, and returns the id of the process that got it.
func (s *Supervisor) Kill(name string, sig syscall.Signal) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.members[name]
	if !ok {
		return 0, fmt.Errorf("there is no process %s", name)
	}
	pid := m.status.PID
	if pid == 0 {
		return 0, fmt.Errorf("process %s does not run: it is %s", name, m.status.State)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		return 0, fmt.Errorf("signalling %s (%d): %w", name, pid, err)
	}
	return pid, nil
}

// ready says whether all of names are ready; if not, changed is closed on the
// next change.
func (s *Supervisor) ready(names []string) (missing string, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if m, ok := s.members[name]; !ok || m.status.State != Ready {
			return name, s.changed
		}
	}
	return "", nil
}

func (s *Supervisor) notifyLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Supervisor) logPath(name string) string { return filepath.Join(s.logs, name+".log") }
