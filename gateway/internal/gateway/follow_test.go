package gateway_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/gateway/internal/gateway"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

const (
	pullEvents = "/entrasync.connection.v1.ConnectionInternalService/PullStatusEvents"
	ackEvents  = "/entrasync.connection.v1.ConnectionInternalService/AckStatusEvents"
)

// eventSource is a connection service that hands out what is not acknowledged,
// again and again and to everybody.
type eventSource struct {
	mu     sync.Mutex
	open   []*connectionv1.StatusEvent
	refuse int // acknowledgements that are lost
	done   chan struct{}
}

func (s *eventSource) pull(context.Context, proto.Message) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &connectionv1.PullStatusEventsResponse{Events: append([]*connectionv1.StatusEvent(nil), s.open...)}, nil
}

func (s *eventSource) ack(_ context.Context, request proto.Message) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse--; s.refuse >= 0 {
		return nil, errors.New("the process died here")
	}
	acked := map[string]bool{}
	for _, id := range request.(*connectionv1.AckStatusEventsRequest).GetEventIds() {
		acked[id] = true
	}
	var left []*connectionv1.StatusEvent
	for _, e := range s.open {
		if !acked[e.GetEventId()] {
			left = append(left, e)
		}
	}
	if s.open = left; len(left) == 1 { // the one that cannot be read
		select {
		case <-s.done:
		default:
			close(s.done)
		}
	}
	return &connectionv1.AckStatusEventsResponse{}, nil
}

func TestChangesOfConnectionsStandInTheAuditTrailOnce(t *testing.T) {
	t.Parallel()
	var parts gateway.Parts
	b := setup(t, func(p *gateway.Parts) { parts = *p })
	at := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	source := &eventSource{refuse: 3, done: make(chan struct{})}
	add := func(tenantID, actor, from, to, reason string) {
		source.open = append(source.open, &connectionv1.StatusEvent{
			EventId: uuid.Must(uuid.NewV7()).String(), TenantId: tenantID, ActorId: actor, FromStatus: from, ToStatus: to,
			ConnectionType: "direct", Reason: reason, At: timestamppb.New(at),
		})
	}
	add("t1", "ada", "not_connected", "connected", "")
	add("t1", "", "connected", "validation_failed", "refresh_failed")
	add("t1", "", "validation_failed", "connected", "")
	add("t1", "ada", "connected", "connected", "")
	add("t1", "ada", "connected", "disconnected", "")
	add("t1", "ada", "disconnected", "connected", "")
	add("t2", "bob", "not_connected", "connected", "")
	add("not a tenant", "x", "not_connected", "connected", "")
	b.backends.on(pullEvents, source.pull)
	b.backends.on(ackEvents, source.ack)

	ctx, stop := context.WithCancel(t.Context())
	var following sync.WaitGroup
	for range 3 { // replicas
		following.Go(func() { _ = parts.Follower().Serve(ctx) })
	}
	select {
	case <-source.done:
	case <-time.After(time.Minute):
		t.Error("not all events were acknowledged")
	}
	stop()
	following.Wait()

	type row struct{ action, outcome, actor, kind string }
	shown := func(id string) (rows []row) {
		events, _ := b.as(b.reader(id), "GET", "/api/audit", "").json(t)["events"].([]any)
		for _, e := range events {
			m := e.(map[string]any)
			require.Equal(t, at.UTC().Format("2006-01-02T15:04:05.000Z07:00"), m["occurredAt"])
			rows = append(rows, row{m["action"].(string), m["outcome"].(string), m["actorId"].(string), m["actorType"].(string)})
		}
		return rows
	}
	require.Equal(t, []row{
		{"connection.connected", "ok", "ada", "user"},
		{"connection.disconnected", "ok", "ada", "user"},
		{"connection.replaced", "ok", "ada", "user"},
		{"connection.recovered", "ok", "system", "system"},
		{"connection.validation_failed", "refresh_failed", "system", "system"},
		{"connection.connected", "ok", "ada", "user"},
	}, shown("t1"))
	require.Equal(t, []row{{"connection.connected", "ok", "bob", "user"}}, shown("t2"))
	for _, call := range b.backends.of(ackEvents) {
		require.Equal(t, "system", call.call.Actor.Type)
		require.NotEmpty(t, call.call.Tenant, "an acknowledgement is for one tenant")
	}
}
