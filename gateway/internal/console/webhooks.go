package console

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/gateway/internal/webhook"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
)

const deliveriesPage = 50

// Webhooks serves the endpoints of the host that events are sent to.
type Webhooks struct {
	gatewayv1.UnimplementedWebhookServiceServer
	endpoints *webhook.Endpoints
}

// NewWebhooks makes the server.
func NewWebhooks(endpoints *webhook.Endpoints) *Webhooks { return &Webhooks{endpoints: endpoints} }

// ListWebhooks lists all endpoints.
func (s *Webhooks) ListWebhooks(ctx context.Context, _ *gatewayv1.ListWebhooksRequest) (*gatewayv1.ListWebhooksResponse, error) {
	all, err := s.endpoints.List(ctx)
	if err != nil {
		return nil, err
	}
	answer := &gatewayv1.ListWebhooksResponse{}
	for i := range all {
		answer.Webhooks = append(answer.Webhooks, webhookMessage(&all[i]))
	}
	return answer, nil
}

// PutWebhook makes or changes an endpoint.
func (s *Webhooks) PutWebhook(ctx context.Context, r *gatewayv1.PutWebhookRequest) (*gatewayv1.PutWebhookResponse, error) {
	endpoint, secret, err := s.endpoints.Put(ctx, webhook.Change{URL: r.GetUrl(), Events: r.GetEvents(), Disabled: r.GetDisabled(), Rotate: r.GetRotateSecret()})
	if err != nil {
		return nil, err
	}
	answer := &gatewayv1.PutWebhookResponse{Webhook: webhookMessage(&endpoint)}
	if shown := secret.Reveal(); shown != "" {
		answer.Secret = &shown
	}
	return answer, nil
}

// DeleteWebhook forgets an endpoint.
func (s *Webhooks) DeleteWebhook(ctx context.Context, r *gatewayv1.DeleteWebhookRequest) (*gatewayv1.DeleteWebhookResponse, error) {
	if err := s.endpoints.Delete(ctx, r.GetId()); err != nil {
		return nil, err
	}
	return &gatewayv1.DeleteWebhookResponse{}, nil
}

// TestWebhook sends a message at once.
func (s *Webhooks) TestWebhook(ctx context.Context, r *gatewayv1.TestWebhookRequest) (*gatewayv1.TestWebhookResponse, error) {
	d, err := s.endpoints.Test(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &gatewayv1.TestWebhookResponse{Delivered: d.Delivered, Status: statusOf(d), Error: d.Error}, nil
}

// ReplayWebhook sends again what happened since a time.
func (s *Webhooks) ReplayWebhook(ctx context.Context, r *gatewayv1.ReplayWebhookRequest) (*gatewayv1.ReplayWebhookResponse, error) {
	endpoint, err := s.endpoints.Replay(ctx, r.GetId(), r.GetSince().AsTime())
	if err != nil {
		return nil, err
	}
	return &gatewayv1.ReplayWebhookResponse{Webhook: webhookMessage(&endpoint)}, nil
}

// ListDeliveries lists attempts, newest first.
func (s *Webhooks) ListDeliveries(ctx context.Context, r *gatewayv1.ListDeliveriesRequest) (*gatewayv1.ListDeliveriesResponse, error) {
	size := int(r.GetPageSize())
	if size == 0 {
		size = deliveriesPage
	}
	page, next, err := s.endpoints.Deliveries(ctx, r.GetId(), r.GetPageToken(), size)
	if err != nil {
		return nil, err
	}
	answer := &gatewayv1.ListDeliveriesResponse{NextPageToken: next}
	for _, d := range page {
		answer.Deliveries = append(answer.Deliveries, &gatewayv1.Delivery{
			Id: d.ID.String(), MessageId: d.MessageID, Type: d.Type, Attempt: int32(d.Attempt), Delivered: d.Delivered, Status: statusOf(d),
			Error: d.Error, TookMilliseconds: int32(d.Took.Milliseconds()), At: timestamppb.New(d.At),
		})
	}
	return answer, nil
}

func statusOf(d webhook.Delivery) *int32 {
	if d.Status == nil {
		return nil
	}
	status := int32(*d.Status)
	return &status
}

func webhookMessage(e *webhook.Endpoint) *gatewayv1.Webhook {
	m := &gatewayv1.Webhook{
		Id: e.ID.String(), Url: e.URL, Events: e.Events, State: string(e.State), DisabledReason: e.DisabledReason, FailingSince: stamp(e.FailingSince),
		CreatedAt: timestamppb.New(e.CreatedAt), UpdatedAt: timestamppb.New(e.UpdatedAt), OldSecretUntil: stamp(e.OldSecretUntil),
	}
	if e.State == webhook.Enabled {
		m.NextAttemptAt = timestamppb.New(e.NextAt)
	}
	return m
}

func stamp(at *time.Time) *timestamppb.Timestamp {
	if at == nil {
		return nil
	}
	return timestamppb.New(*at)
}
