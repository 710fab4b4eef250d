package activity

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// Progress is what a heartbeat carries: how far the work is and how its earlier tries ended.
// The server hands it to the next try, so that each kind of failure is counted on its own.
type Progress struct {
	Phase    string `json:"phase,omitempty"`
	Seen     int    `json:"seen,omitempty"`     // staged or listed
	Done     int    `json:"done,omitempty"`     // applied or read
	Upstream int    `json:"upstream,omitempty"` // upstream errors so far
	Own      int    `json:"own,omitempty"`      // outages of our own parts in a row
}

// tracker is the progress of a try under way.
type tracker struct {
	mu       sync.Mutex
	progress Progress
	advanced chan struct{} // a signal for each advance
}

func newTracker(ctx context.Context) *tracker {
	t := &tracker{advanced: make(chan struct{}, 1)}
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &t.progress); err != nil {
			t.progress = Progress{} // written by another version; counting starts again
		}
	}
	t.progress.Phase, t.progress.Seen, t.progress.Done = "", 0, 0
	return t
}

// record keeps a message of the stream. A service repeats its progress to keep the stream
// open; only a difference shows that the work advances.
func (t *tracker) record(phase string, seen, done int) {
	t.mu.Lock()
	before := t.progress
	t.progress.Phase, t.progress.Seen, t.progress.Done = phase, seen, done
	t.progress.Own = 0 // it answers again
	moved := t.progress.Phase != before.Phase || t.progress.Seen != before.Seen || t.progress.Done != before.Done
	t.mu.Unlock()
	if !moved {
		return
	}
	select {
	case t.advanced <- struct{}{}:
	default:
	}
}

// met records how many upstream errors there were before the first try.
func (t *tracker) met(upstream int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Upstream = max(t.progress.Upstream, upstream)
}

// step records that one of several pieces of work is done.
func (t *tracker) step() {
	select {
	case t.advanced <- struct{}{}:
	default:
	}
}

func (t *tracker) now() Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.progress
}

// count records how this try ended.
func (t *tracker) count(upstream, own int) Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Upstream += upstream
	t.progress.Own += own
	return t.progress
}

// attempt makes one try of a call on behalf of the run's tenant, with heartbeats while it lasts,
// and turns its error into what the workflow and the server understand.
func (a *Activities) attempt(ctx context.Context, ref workflow.RunRef, call func(ctx context.Context, t *tracker) error) error {
	id, err := tenant.Parse(ref.TenantID)
	if err != nil {
		return fatal(reason.TenantInvalid)
	}
	t := newTracker(ctx)
	work, cancel := context.WithCancel(tenant.With(ctx, tenant.Call{
		Tenant: id, Actor: tenant.Actor{Type: "system"}, Run: ref.RunID,
	}))
	defer cancel()
	beating := make(chan end, 1)
	go func() { beating <- a.beat(ctx, work, cancel, t) }()
	err = call(work, t)
	cancel()
	why := <-beating
	switch {
	case err == nil:
		return nil
	case why == workerStopping:
		return again(workflow.CodeWorker, a.pace.OwnFirst)
	case ctx.Err() != nil:
		return temporal.NewCanceledError()
	case why == stalled:
		err = errStalled
	}
	failure := a.judge(err, t)
	activity.RecordHeartbeat(ctx, t.now()) // kept for the next try
	return failure
}

// end is why the heartbeats of a try ended.
type end int

const (
	callEnded end = iota
	workerStopping
	stalled
)

// errStalled is the error of a call that made no progress for long.
var errStalled = errs.New(errs.Internal, reason.Stalled, "The work made no progress.")

// beat sends heartbeats until the work ends. It cancels the work when the worker stops or the
// work makes no progress for long.
func (a *Activities) beat(ctx, work context.Context, cancel context.CancelFunc, t *tracker) end {
	ticker := time.NewTicker(a.pace.Beat)
	defer ticker.Stop()
	stall := time.NewTimer(a.pace.Stall)
	defer stall.Stop()
	for {
		select {
		case <-work.Done():
			return callEnded
		case <-activity.GetWorkerStopChannel(ctx):
			cancel()
			return workerStopping
		case <-stall.C:
			cancel()
			return stalled
		case <-t.advanced:
			stall.Reset(a.pace.Stall)
		case <-ticker.C:
			activity.RecordHeartbeat(ctx, t.now())
		}
	}
}
