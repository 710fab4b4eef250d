package peers

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/gateway/internal/audit"
	"github.com/entrasync/entrasync/pkg/outbox/puller"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

// StatusEvents is the outbox of the connection's status events, as effects whose
// arguments are those that audit.Follow reads.
type StatusEvents struct {
	client connectionv1.ConnectionInternalServiceClient
}

// NewStatusEvents makes the adapter.
func NewStatusEvents(conn grpc.ClientConnInterface) *StatusEvents {
	return &StatusEvents{client: connectionv1.NewConnectionInternalServiceClient(conn)}
}

// Pull implements puller.Source.
func (s *StatusEvents) Pull(ctx context.Context, most int32, wait time.Duration) ([]puller.Effect, error) {
	pulled, err := s.client.PullStatusEvents(ctx, &connectionv1.PullStatusEventsRequest{
		MaxEvents: most, WaitSeconds: int32(wait / time.Second),
	})
	if err != nil {
		return nil, err
	}
	var effects []puller.Effect
	for _, e := range pulled.GetEvents() {
		effects = append(effects, puller.Effect{
			ID: e.GetEventId(), Tenant: e.GetTenantId(), ActorID: e.GetActorId(), Kind: "status_changed", CreatedAt: e.GetAt().AsTime(),
			Arguments: map[string]string{audit.FromStatus: e.GetFromStatus(), audit.ToStatus: e.GetToStatus(), audit.Reason: e.GetReason()},
		})
	}
	return effects, nil
}

// Ack implements puller.Source. An event that is to be tried again is not
// acknowledged: it is handed out again at the end of its lease.
func (s *StatusEvents) Ack(ctx context.Context, id, outcome string, _ map[string]string) error {
	if outcome != puller.Done {
		return nil
	}
	whose, err := tenant.IDFrom(ctx)
	if err != nil {
		return err
	}
	ctx = tenant.With(ctx, tenant.Call{Tenant: whose, Actor: tenant.Actor{Type: audit.System}})
	_, err = s.client.AckStatusEvents(ctx, &connectionv1.AckStatusEventsRequest{EventIds: []string{id}})
	return err
}
