// Package supervisor keeps a set of processes running: each starts when what it
// needs is ready, one that dies is started again, and all end together, in
// reverse order.
package supervisor

import (
	"context"
	"io"
	"syscall"
	"time"

	"github.com/entrasync/entrasync/deploy/local/internal/child"
)

// Process is one member of the set: a server that runs until it is stopped, or
// a task that runs once and must succeed.
type Process struct {
	// Name is unique in the set and names the log file.
	Name string
	// After names the processes that must be ready before this one starts.
	After []string
	// Spec says how a server is started; its output goes to the log file.
	Spec child.Spec
	// Task, when set, makes this a task: it counts as ready once it has
	// returned nil, and is tried again with back-off until then.
	Task func(ctx context.Context, log io.Writer) error
	// Before runs ahead of every start of a server. It cleans up what the last
	// one left.
	Before func(ctx context.Context) error
	// Ready says whether a server serves; nil means as soon as it runs.
	Ready func(ctx context.Context) error
	// Stop is the signal that asks it to end, SIGTERM when zero.
	Stop syscall.Signal
	// Version changes when the process has to be started anew: its program,
	// arguments or environment are others.
	Version string
}

// Timing has the supervisor's pauses and time limits.
type Timing struct {
	// First and Most bound the wait before a restart, which doubles each time.
	First, Most time.Duration
	// Healthy is how long a process must have been ready for the next wait to
	// be the first again.
	Healthy time.Duration
	// Poll is the pause between two looks at readiness while starting.
	Poll time.Duration
	// Watch is that pause once a process is ready.
	Watch time.Duration
	// Probe bounds one look.
	Probe time.Duration
	// Grace is how long a process may take to end before it is killed.
	Grace time.Duration
}

// Defaults are the local stack's.
func Defaults() Timing {
	return Timing{
		First: 200 * time.Millisecond, Most: 10 * time.Second, Healthy: 30 * time.Second,
		Poll: 100 * time.Millisecond, Watch: 2 * time.Second, Probe: 3 * time.Second, Grace: 15 * time.Second,
	}
}

// State of a process.
type State string

// The states.
const (
	Waiting  State = "waiting"  // for what it needs
	Starting State = "starting" // runs, not ready yet
	Ready    State = "ready"
	Backoff  State = "restarting" // died, starts again soon
	Stopped  State = "stopped"
)

// Status is what there is to know about one process.
type Status struct {
	Name string `json:"name"`
	// Task says that it runs once.
	Task  bool  `json:"task,omitempty"`
	State State `json:"state"`
	// PID is zero while nothing runs.
	PID int `json:"pid,omitempty"`
	// Restarts counts the starts after the first.
	Restarts int `json:"restarts"`
	// Since is when the state was entered.
	Since time.Time `json:"since"`
	// Reason is why it is not ready, empty when it is.
	Reason string `json:"reason,omitempty"`
	// Log is the path of its log file.
	Log string `json:"log"`
	// Version is the one that runs.
	Version string `json:"version,omitempty"`
}

// Ready says whether the process serves; a task does once it is done.
func (s Status) Ready() bool { return s.State == Ready }

// Waits says whether it has not started because of another.
func (s Status) Waits() bool { return s.State == Waiting }
