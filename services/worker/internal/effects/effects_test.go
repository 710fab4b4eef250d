package effects_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	"github.com/entrasync/entrasync/services/worker/internal/effects"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
)

// outbox is an effect service in memory: what is answered with retry is handed out again.
type outbox struct {
	orchestrationv1.UnimplementedEffectServiceServer

	due   chan *orchestrationv1.Effect
	acked chan *orchestrationv1.AckEffectRequest

	mu     sync.Mutex
	broken int // so many pulls fail
	leased map[string]*orchestrationv1.Effect
	acker  tenant.Call
}

func (o *outbox) PullEffects(ctx context.Context, _ *orchestrationv1.PullEffectsRequest) (*orchestrationv1.PullEffectsResponse, error) {
	o.mu.Lock()
	broken := o.broken > 0
	o.broken--
	o.mu.Unlock()
	if broken {
		return nil, errs.New(errs.Unavailable, "database_unavailable", "Away.")
	}
	select {
	case effect := <-o.due:
		o.mu.Lock()
		o.leased[effect.GetEffectId()] = effect
		o.mu.Unlock()
		return &orchestrationv1.PullEffectsResponse{Effects: []*orchestrationv1.Effect{effect}}, nil
	case <-ctx.Done():
		return &orchestrationv1.PullEffectsResponse{}, nil
	}
}

func (o *outbox) AckEffect(ctx context.Context, req *orchestrationv1.AckEffectRequest) (*orchestrationv1.AckEffectResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	o.acker = call
	effect := o.leased[req.GetEffectId()]
	o.mu.Unlock()
	o.acked <- req // before it is handed out again: another goroutine acknowledges it then
	if req.GetOutcome() == "retry" {
		o.due <- effect
	}
	return &orchestrationv1.AckEffectResponse{}, nil
}

// performer does what a test says.
type performer func(ctx context.Context, effect orchestration.Effect) (orchestration.Outcome, error)

func (p performer) Do(ctx context.Context, effect orchestration.Effect) (orchestration.Outcome, error) {
	return p(ctx, effect)
}

func TestEffectsArePulledDoneAndAcknowledged(t *testing.T) {
	before := goleak.IgnoreCurrent()
	defer func() { // the last goroutines of a connection end a moment after it was closed
		require.EventuallyWithT(t, func(t *assert.CollectT) { assert.NoError(t, goleak.Find(before)) }, time.Minute, 10*time.Millisecond)
	}()
	t.Run("inner", func(t *testing.T) {
		network := rpctest.New(t)
		box := &outbox{
			due: make(chan *orchestrationv1.Effect, 10), acked: make(chan *orchestrationv1.AckEffectRequest, 10),
			leased: map[string]*orchestrationv1.Effect{}, broken: 4,
		}
		address := network.Serve("mapping", func(r grpc.ServiceRegistrar) { orchestrationv1.RegisterEffectServiceServer(r, box) })
		conn := network.Dial("worker", "mapping", address)
		tries := 0
		var seen tenant.Call
		puller := effects.New("mapping", conn,
			performer(func(ctx context.Context, effect orchestration.Effect) (orchestration.Outcome, error) {
				seen, _ = tenant.Lookup(ctx)
				if tries++; tries == 1 {
					return orchestration.Outcome{State: "retry"}, errs.New(errs.Unavailable, "away", "Away.")
				}
				return orchestration.Outcome{State: "done", Result: map[string]string{"run_id": effect.Kind, "client": effect.Arguments["client_id"]}}, nil
			}))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- puller.Serve(ctx) }()

		id := uuid.NewString()
		box.due <- &orchestrationv1.Effect{EffectId: id, TenantId: "msp-1", ActorId: "user-1", Kind: "start_initial_sync", Arguments: map[string]string{"client_id": "c-1"}}
		require.Equal(t, "retry", next(t, box.acked).GetOutcome())
		done := next(t, box.acked)
		require.Equal(t, "done", done.GetOutcome())
		require.Equal(t, id, done.GetEffectId())
		require.Equal(t, map[string]string{"run_id": "start_initial_sync", "client": "c-1"}, done.GetResult())
		cancel()
		require.NoError(t, <-ended)
		require.Equal(t, tenant.ID("msp-1"), seen.Tenant)
		require.Equal(t, tenant.Actor{ID: "user-1", Type: "user"}, seen.Actor)
		require.Equal(t, tenant.ID("msp-1"), box.acker.Tenant)
	})
}

// TestEffectsOnManyLinksHaveLongerAndStopWithTheProcess looks at how long the
// work may take, and ends a long one by ending the process.
func TestEffectsOnManyLinksHaveLongerAndStopWithTheProcess(t *testing.T) {
	t.Parallel()
	network := rpctest.New(t)
	box := &outbox{
		due: make(chan *orchestrationv1.Effect, 10), acked: make(chan *orchestrationv1.AckEffectRequest, 10), leased: map[string]*orchestrationv1.Effect{},
	}
	address := network.Serve("mapping", func(r grpc.ServiceRegistrar) { orchestrationv1.RegisterEffectServiceServer(r, box) })
	conn := network.Dial("worker", "mapping", address)
	left := make(chan time.Duration, 10)
	slow := make(chan struct{}, 1)
	puller := effects.New("mapping", conn,
		performer(func(ctx context.Context, effect orchestration.Effect) (orchestration.Outcome, error) {
			deadline, _ := ctx.Deadline()
			left <- time.Until(deadline)
			if effect.Arguments["slow"] != "" {
				slow <- struct{}{}
				<-ctx.Done()
				return orchestration.Outcome{State: "retry"}, ctx.Err()
			}
			return orchestration.Outcome{State: "done"}, nil
		}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- puller.Serve(ctx) }()

	effect := func(kind string) *orchestrationv1.Effect {
		return &orchestrationv1.Effect{EffectId: uuid.NewString(), TenantId: "msp-1", ActorId: "user-1", Kind: kind, Arguments: map[string]string{}}
	}
	for kind, most := range map[string]time.Duration{
		"mapping_revised": 5 * time.Minute, "orphans_decided": 5 * time.Minute,
		"start_initial_sync": 20 * time.Second, "connection_disconnected": 20 * time.Second,
	} {
		box.due <- effect(kind)
		require.Equal(t, "done", next(t, box.acked).GetOutcome())
		got := <-left
		require.LessOrEqual(t, got, most, kind)
		if most > time.Minute {
			require.Greater(t, got, time.Minute, kind)
		}
	}
	long := effect("orphans_decided")
	long.Arguments["slow"] = "yes"
	box.due <- long
	<-slow
	cancel()
	require.Equal(t, "retry", next(t, box.acked).GetOutcome(), "another process takes it up")
	require.NoError(t, <-ended)
}

func next(t *testing.T, acked <-chan *orchestrationv1.AckEffectRequest) *orchestrationv1.AckEffectRequest {
	t.Helper()
	select {
	case req := <-acked:
		return req
	case <-time.After(time.Minute):
		require.Fail(t, "no acknowledgement")
		return nil
	}
}
