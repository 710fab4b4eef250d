package rpc

import (
	"sync"
	"time"

	"google.golang.org/grpc"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// reportEvery is how often progress is repeated while a long statement runs, so
// that the caller does not take the round for dead.
const reportEvery = 5 * time.Second

// publishEvery is how often progress is published to the watchers of the run. Rounds
// that end sooner publish none.
const publishEvery = time.Second

// reporter sends progress to the caller, from the round and from a ticker.
type reporter struct {
	stream  grpc.ServerStreamingServer[syncenginev1.SyncTenantUsersResponse]
	publish func(syncengine.Progress)
	mu      sync.Mutex
	at      syncengine.Progress
	last    *syncenginev1.SyncTenantUsersResponse
	quit    chan struct{}
	ended   chan struct{}
}

func newReporter(stream grpc.ServerStreamingServer[syncenginev1.SyncTenantUsersResponse], publish func(syncengine.Progress)) *reporter {
	r := &reporter{stream: stream, publish: publish, quit: make(chan struct{}), ended: make(chan struct{})}
	go r.repeat()
	return r
}

func (r *reporter) repeat() {
	defer close(r.ended)
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	publishing := time.NewTicker(publishEvery)
	defer publishing.Stop()
	var published syncengine.Progress
	for {
		select {
		case <-r.quit:
			return
		case <-publishing.C:
			r.mu.Lock()
			at := r.at
			r.mu.Unlock()
			if at != published {
				published = at
				r.publish(at)
			}
		case <-ticker.C:
			r.mu.Lock()
			if r.last != nil {
				_ = r.stream.Send(r.last) // a stream that broke ends the round at its next report
			}
			r.mu.Unlock()
		}
	}
}

func (r *reporter) progress(p syncengine.Progress) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = p
	r.last = &syncenginev1.SyncTenantUsersResponse{Phase: p.Phase, Staged: count(p.Staged), Applied: count(p.Applied), PhaseDone: count(p.Done)}
	return r.stream.Send(r.last)
}

// done sends the outcome, once.
func (r *reporter) done(outcome syncengine.Result) error {
	r.stop()
	m := &syncenginev1.SyncTenantUsersResponse{
		Phase: syncengine.PhaseDone, Outcome: &syncenginev1.TenantOutcome{State: string(outcome.State), Counters: countersMessage(outcome.Counters)},
	}
	if r.last != nil {
		m.Staged, m.Applied, m.PhaseDone = r.last.GetStaged(), r.last.GetApplied(), r.last.GetPhaseDone()
	}
	return r.stream.Send(m)
}

// stop ends the ticker and waits for it; it may be called again.
func (r *reporter) stop() {
	select {
	case <-r.quit:
	default:
		close(r.quit)
	}
	<-r.ended
}
