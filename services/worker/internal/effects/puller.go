// Package effects pulls effects of other services' committed changes, performs and
// acknowledges them.
package effects

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/tenant"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
)

const (
	// pullers is how many effects of one service are worked on at once.
	pullers = 3
	// waitSeconds is how long a service holds a pull that finds nothing.
	waitSeconds = 20
	// pullTimeout bounds a pull.
	pullTimeout = (waitSeconds + 10) * time.Second
	// actTimeout bounds the work on one effect, manyTimeout that on one of many links. Services
	// lease each effect for longer, so that no other worker begins it meanwhile.
	actTimeout  = 20 * time.Second
	manyTimeout = 5 * time.Minute
	// ackTimeout bounds an acknowledgement.
	ackTimeout = 10 * time.Second
	// retryFirst and retryMost bound the wait after a pull that failed.
	retryFirst = 200 * time.Millisecond
	retryMost  = 5 * time.Second
)

// Performer does what an effect asks for.
type Performer interface {
	Do(ctx context.Context, effect orchestration.Effect) (orchestration.Outcome, error)
}

// Puller pulls the effects of some services.
type Puller struct {
	sources map[string]orchestrationv1.EffectServiceClient
	perform Performer
}

// New makes a puller; sources are by the name of their service.
func New(sources map[string]orchestrationv1.EffectServiceClient, perform Performer) *Puller {
	return &Puller{sources: sources, perform: perform}
}

// Serve pulls until ctx ends.
func (p *Puller) Serve(ctx context.Context) error {
	var pulling sync.WaitGroup
	for name, source := range p.sources {
		for range pullers {
			pulling.Go(func() { p.pull(ctx, name, source) })
		}
	}
	pulling.Wait()
	return nil
}

// pull takes one effect after the other, and waits longer and longer while its service is away.
func (p *Puller) pull(ctx context.Context, name string, source orchestrationv1.EffectServiceClient) {
	delay := retryFirst
	for ctx.Err() == nil {
		err := p.once(ctx, source)
		if err == nil {
			delay = retryFirst
			continue
		}
		if ctx.Err() != nil {
			return
		}
		slog.WarnContext(ctx, "pulling effects", "source", name, "error", err)
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		delay = min(2*delay, retryMost)
	}
}

func (p *Puller) once(ctx context.Context, source orchestrationv1.EffectServiceClient) error {
	wait, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	res, err := source.PullEffects(wait, &orchestrationv1.PullEffectsRequest{MaxEffects: 1, WaitSeconds: waitSeconds})
	if err != nil {
		return err
	}
	for _, effect := range res.GetEffects() {
		if err := p.act(ctx, source, effect); err != nil {
			return err
		}
	}
	return nil
}

// act does one effect and acknowledges it, as the person whose change it was.
func (p *Puller) act(ctx context.Context, source orchestrationv1.EffectServiceClient, effect *orchestrationv1.Effect) error {
	id, err := tenant.Parse(effect.GetTenantId())
	if err != nil {
		return fmt.Errorf("reading effect %s: %w", effect.GetEffectId(), err)
	}
	actor := tenant.Actor{ID: effect.GetActorId(), Type: "user"}
	if actor.ID == "" {
		actor.Type = "system"
	}
	ctx = tenant.With(ctx, tenant.Call{Tenant: id, Actor: actor})
	outcome := p.do(ctx, effect)
	ack, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTimeout)
	defer cancel()
	_, err = source.AckEffect(ack, &orchestrationv1.AckEffectRequest{
		EffectId: effect.GetEffectId(), Outcome: outcome.State, Result: outcome.Result,
	})
	if err != nil {
		return fmt.Errorf("acknowledging effect %s: %w", effect.GetEffectId(), err)
	}
	return nil
}

func (p *Puller) do(ctx context.Context, effect *orchestrationv1.Effect) orchestration.Outcome {
	timeout := manyTimeout
	if !orchestration.OnManyLinks(effect.GetKind()) {
		// An effect that was begun is finished when the process stops.
		ctx, timeout = context.WithoutCancel(ctx), actTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	outcome, err := p.perform.Do(ctx, orchestration.Effect{
		ID: effect.GetEffectId(), TenantID: effect.GetTenantId(), Kind: effect.GetKind(), CreatedAt: effect.GetCreatedAt().AsTime(),
		Arguments: effect.GetArguments(),
	})
	if err != nil {
		slog.WarnContext(ctx, "an effect failed", "effect", effect.GetEffectId(), "kind", effect.GetKind(), "outcome", outcome.State, "error", err)
	}
	return outcome
}
