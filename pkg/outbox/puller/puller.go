// Package puller does the effects that another service's outbox hands out: it
// pulls them, does each within its tenant, and acknowledges it. Several processes
// may pull from one outbox.
package puller

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/tenant"
)

const (
	// pullWait is how long the source holds a pull that finds nothing.
	pullWait = 20 * time.Second
	// pullTimeout bounds a pull.
	pullTimeout = pullWait + 10*time.Second
	// ackTimeout bounds an acknowledgement.
	ackTimeout = 10 * time.Second
	// The pause after a failed pull grows from the first to the longest. An empty
	// answer, which may have come at once, is followed by the first.
	firstPause   = 200 * time.Millisecond
	longestPause = 5 * time.Second
	// defaultTimeout bounds the work on one effect. It is shorter than the lease of
	// an effect, so that no other process begins it meanwhile.
	defaultTimeout = 20 * time.Second
)

// Source is the outbox of another service.
type Source interface {
	// Pull leases at most so many effects that are due, and waits up to the given
	// time for the first.
	Pull(ctx context.Context, most int32, wait time.Duration) ([]Effect, error)
	// Ack records the outcome of an effect of the context's tenant: Done,
	// Failed or Retry.
	Ack(ctx context.Context, id, outcome string, result map[string]string) error
}

// Do does an effect and returns its outcome, which is acknowledged also where
// there is an error. The error is logged. ctx carries the effect's tenant and, as
// the actor, the person whose change it was.
type Do func(ctx context.Context, effect Effect) (outcome string, result map[string]string, err error)

// Limit bounds the work on one effect.
type Limit struct {
	Timeout time.Duration // 0: 20 s
	// Stops says that the work is cut off when the process stops, and another one
	// does it again. Without it, work that has begun is finished.
	Stops bool
}

// Options adjust a puller; the zero value is usable.
type Options struct {
	Parallel int // how many effects are done at once; 0: 1
	// Most is how many effects one pull takes at most, in its order; 0: as many as can be
	// begun at once, so that none spends its lease waiting.
	Most  int32
	Limit func(kind string) Limit // nil: the zero Limit for every kind
}

// Puller pulls from one source.
type Puller struct {
	name   string
	source Source
	do     Do
	opts   Options
}

// New makes a puller. The name is that of the source, for the log.
func New(name string, source Source, do Do, opts Options) *Puller {
	opts.Parallel = max(opts.Parallel, 1)
	if opts.Limit == nil {
		opts.Limit = func(string) Limit { return Limit{} }
	}
	return &Puller{name: name, source: source, do: do, opts: opts}
}

// Serve pulls until ctx ends, and returns when what was pulled is done; the error is nil.
// It makes one pull at a time: many at once would each look through all that waits.
func (p *Puller) Serve(ctx context.Context) error {
	w := &work{puller: p, free: make(chan struct{}, p.opts.Parallel)}
	for range p.opts.Parallel {
		w.free <- struct{}{}
	}
	defer w.running.Wait()
	pause := time.Duration(0)
	for ctx.Err() == nil {
		if pause = w.next(ctx, pause); pause == 0 {
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return nil
}

// work is what a puller does between its beginning and its end.
type work struct {
	puller  *Puller
	free    chan struct{} // a place for each effect that could be begun
	running sync.WaitGroup
}

// next makes one pull when there is a place, and begins what it gave. It returns the pause
// before the pull that follows; last is the pause before this one.
func (w *work) next(ctx context.Context, last time.Duration) time.Duration {
	select {
	case <-w.free:
		w.free <- struct{}{} // nobody else takes one
	case <-ctx.Done():
		return 0
	}
	effects, err := w.pull(ctx)
	switch {
	case err != nil:
		if ctx.Err() == nil {
			slog.WarnContext(ctx, "pulling effects", "source", w.puller.name, "error", err)
		}
		return min(max(2*last, firstPause), longestPause)
	case len(effects) == 0:
		return firstPause
	}
	for _, effect := range effects {
		w.begin(ctx, effect)
	}
	return 0
}

func (w *work) pull(ctx context.Context) ([]Effect, error) {
	wait, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	most := w.puller.opts.Most
	if most == 0 {
		most = int32(len(w.free))
	}
	return w.puller.source.Pull(wait, most, pullWait)
}

// begin waits for a place and does an effect there, whatever became of those before it. One
// that was pulled is done though the process stops meanwhile.
func (w *work) begin(ctx context.Context, effect Effect) {
	<-w.free
	w.running.Go(func() {
		defer func() { w.free <- struct{}{} }()
		if err := w.puller.act(ctx, effect); err != nil {
			slog.WarnContext(ctx, "an effect was not acknowledged", "source", w.puller.name, "error", err)
		}
	})
}

// act does one effect and acknowledges it, as the person whose change it was.
func (p *Puller) act(ctx context.Context, effect Effect) error {
	id, err := tenant.Parse(effect.Tenant)
	if err != nil {
		return fmt.Errorf("reading effect %s: %w", effect.ID, err)
	}
	actor := tenant.Actor{ID: effect.ActorID, Type: "user"}
	if actor.ID == "" {
		actor.Type = "system"
	}
	ctx = tenant.With(ctx, tenant.Call{Tenant: id, Actor: actor})
	outcome, result := p.perform(ctx, effect)
	ack, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTimeout)
	defer cancel()
	if err := p.source.Ack(ack, effect.ID, outcome, result); err != nil {
		return fmt.Errorf("acknowledging effect %s: %w", effect.ID, err)
	}
	return nil
}

func (p *Puller) perform(ctx context.Context, effect Effect) (outcome string, result map[string]string) {
	limit := p.opts.Limit(effect.Kind)
	if limit.Timeout == 0 {
		limit.Timeout = defaultTimeout
	}
	if !limit.Stops {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, limit.Timeout)
	defer cancel()
	outcome, result, err := p.do(ctx, effect)
	if err != nil {
		slog.WarnContext(ctx, "an effect failed", "source", p.name, "effect", effect.ID, "kind", effect.Kind, "outcome", outcome, "error", err)
	}
	return outcome, result
}
