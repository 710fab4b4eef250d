package mapping

import (
	"context"
	"strconv"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
)

const (
	// effectLease is how long whoever pulled an effect may take to answer.
	effectLease = 30 * time.Second
	// linksLease is that of effects which go through all links of a managed tenant:
	// longer than the worker tries one.
	linksLease = 6 * time.Minute
	// effectPoll is how often a pull that waits looks when no bell rings.
	effectPoll = time.Second
	// effectLongest bounds the pause before another try.
	effectLongest = 5 * time.Minute
)

// The kinds of effects.
const (
	// EffectStartInitialSync asks the worker to start the initial sync.
	EffectStartInitialSync = "start_initial_sync"
	// EffectMappingRevised asks the engine to follow a changed mapping.
	EffectMappingRevised = "mapping_revised"
	// EffectOrphansDecided asks the engine to do what a person decided about links.
	EffectOrphansDecided = "orphans_decided"
)

// What became of an effect.
const (
	EffectDone   = "done"
	EffectFailed = "failed" // for good
	EffectRetry  = "retry"
)

// Effect is what a committed change must cause elsewhere.
type Effect struct {
	ID        string
	Tenant    string
	ActorID   string
	Kind      string
	Arguments map[string]string // ids only
	CreatedAt time.Time
	Attempt   int32
}

// Aftermath is what the end of an effect says of a managed tenant's links.
type Aftermath struct {
	OrphanedLinks *int32       // nil: nothing is known anew
	Orphans       *OrphansDone // of a decision about them
}

// EffectStore keeps effects.
type EffectStore interface {
	// LeaseEffects gives effects that are due, of each tenant one before a second
	// of any, and keeps them from others until the given time; those that go
	// through links until the other. The effects of one managed tenant are given
	// one after the other has ended.
	LeaseEffects(ctx context.Context, most int32, now, until, linksUntil time.Time) ([]Effect, error)
	// CloseEffect records the end of an effect, once, and with it what read finds
	// in the answer to an effect of its kind. An error of read comes back and
	// nothing is written.
	CloseEffect(ctx context.Context, id, outcome string, result map[string]string, at time.Time, read func(kind string) (Aftermath, error)) error
	// PostponeEffect makes an effect due again after a pause that pause gives for
	// the number of tries so far.
	PostponeEffect(ctx context.Context, id string, at time.Time, pause func(attempt int32) time.Duration) error
}

// Effects hands out effects.
type Effects struct {
	store EffectStore
	bell  *Bell
	now   func() time.Time
}

// NewEffects makes it; the bell rings when effects come or go.
func NewEffects(store EffectStore, bell *Bell, now func() time.Time) *Effects {
	return &Effects{store: store, bell: bell, now: now}
}

// Pull leases effects that are due; it waits for one up to the given time.
func (e *Effects) Pull(ctx context.Context, most int32, wait time.Duration) ([]Effect, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	ticker := time.NewTicker(effectPoll)
	defer ticker.Stop()
	for {
		rung := e.bell.Next()
		now := e.now()
		effects, err := e.store.LeaseEffects(ctx, most, now, now.Add(effectLease), now.Add(linksLease))
		if err != nil || len(effects) > 0 || wait == 0 {
			return effects, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timeout.C:
			return nil, nil
		case <-rung:
		case <-ticker.C:
		}
	}
}

// Ack records what became of an effect; the same answer again changes nothing.
// errs.NotFound "effect_not_found", errs.Invalid for a result that cannot be
// read.
func (e *Effects) Ack(ctx context.Context, id, outcome string, result map[string]string) error {
	if outcome == EffectRetry {
		return e.store.PostponeEffect(ctx, id, e.now(), pause)
	}
	return e.store.CloseEffect(ctx, id, outcome, result, e.now(), func(kind string) (Aftermath, error) {
		return aftermath(kind, outcome, result)
	})
}

// aftermath reads the answer to an effect.
func aftermath(kind, outcome string, result map[string]string) (Aftermath, error) {
	counts := counts{result: result}
	var after Aftermath
	switch {
	case kind == EffectStartInitialSync:
	case outcome == EffectFailed && kind == EffectOrphansDecided:
		after.Orphans = &OrphansDone{Failed: true, Error: result["error"]}
	case outcome == EffectFailed:
	case kind == EffectOrphansDecided:
		after.Orphans = &OrphansDone{Relinking: counts.of("relinking"), Left: counts.of("left"), RunID: result["run_id"]}
		fallthrough
	default:
		links := counts.of("orphaned_links")
		after.OrphanedLinks = &links
	}
	return after, counts.err
}

// counts reads numbers of an answer and keeps the first that is none.
type counts struct {
	result map[string]string
	err    error
}

func (c *counts) of(name string) int32 {
	n, err := strconv.ParseInt(c.result[name], 10, 32)
	if (err != nil || n < 0) && c.err == nil {
		c.err = errs.New(errs.Invalid, "invalid_argument", "The result of the effect is not complete.",
			errs.WithViolation("result."+name, "is not a count"))
	}
	return int32(n)
}

// pause grows from one second, twofold, with each try.
func pause(attempt int32) time.Duration {
	return min(time.Second<<min(max(attempt-1, 0), 10), effectLongest)
}
