package puller

import (
	"context"
	"time"

	"google.golang.org/grpc"

	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

// Client is the Source of a service whose outbox is served by outbox.Serve.
type Client struct {
	client orchestrationv1.EffectServiceClient
}

// NewClient makes a client over a connection to the service.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{client: orchestrationv1.NewEffectServiceClient(conn)}
}

// Pull implements Source.
func (c *Client) Pull(ctx context.Context, most int32, wait time.Duration) ([]Effect, error) {
	pulled, err := c.client.PullEffects(ctx, &orchestrationv1.PullEffectsRequest{MaxEffects: most, WaitSeconds: int32(wait / time.Second)})
	if err != nil {
		return nil, err
	}
	var effects []Effect
	for _, e := range pulled.GetEffects() {
		effects = append(effects, Effect{
			ID: e.GetEffectId(), Tenant: e.GetTenantId(), ActorID: e.GetActorId(), Kind: e.GetKind(),
			Arguments: e.GetArguments(), CreatedAt: e.GetCreatedAt().AsTime(), Attempt: e.GetAttempt(),
		})
	}
	return effects, nil
}

// Ack implements Source.
func (c *Client) Ack(ctx context.Context, id, outcome string, result map[string]string) error {
	_, err := c.client.AckEffect(ctx, &orchestrationv1.AckEffectRequest{EffectId: id, Outcome: outcome, Result: result})
	return err
}
