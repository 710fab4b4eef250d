package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// statusChanged is the kind of the effect that sends a change of a connection's
// state to the audit trail.
const statusChanged = "status_changed"

// eventTries are those of an event that is not acknowledged, one in half a minute:
// a day. The audit trail must have it.
const eventTries = 2880

// The arguments of such an effect.
const (
	argumentFrom   = "from_status"
	argumentTo     = "to_status"
	argumentType   = "connection_type"
	argumentReason = "reason"
)

// Tries is how often an effect of a kind is tried.
func Tries(kind string) int32 {
	if kind == statusChanged {
		return eventTries
	}
	return outbox.DefaultTries
}

// StatusEvents keeps changes of connections' states on their way to the audit
// trail.
type StatusEvents struct{ box *outbox.Box }

// NewStatusEvents makes the log of events in an outbox.
func NewStatusEvents(box *outbox.Box) *StatusEvents { return &StatusEvents{box: box} }

// addEvent writes an event in the transaction of the change that it describes. Events
// have no order key: the audit trail orders them by their ids.
func addEvent(ctx context.Context, tx pgx.Tx, e connection.StatusEvent) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("naming an event: %w", err)
	}
	return outbox.Add(ctx, tx, outbox.Effect{
		ID: id.String(), ActorID: e.Actor, Kind: statusChanged, CreatedAt: e.At, Arguments: map[string]string{
			argumentFrom: string(e.From), argumentTo: string(e.To), argumentType: string(e.Type), argumentReason: e.Reason,
		},
	})
}

// Pull implements connection.EventLog.
func (s *StatusEvents) Pull(ctx context.Context, limit int32, wait time.Duration) ([]connection.StatusEvent, error) {
	effects, err := s.box.Pull(ctx, limit, wait, statusChanged)
	if err != nil {
		return nil, err
	}
	events := make([]connection.StatusEvent, 0, len(effects))
	for _, e := range effects {
		events = append(events, connection.StatusEvent{
			ID: e.ID, Tenant: e.Tenant, Actor: e.ActorID, From: connection.Status(e.Arguments[argumentFrom]),
			To: connection.Status(e.Arguments[argumentTo]), Type: connection.Type(e.Arguments[argumentType]),
			Reason: e.Arguments[argumentReason], At: e.CreatedAt,
		})
	}
	slices.SortFunc(events, func(a, b connection.StatusEvent) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return events, nil
}

// Ack implements connection.EventLog.
func (s *StatusEvents) Ack(ctx context.Context, ids []string) error {
	for _, id := range ids {
		if err := s.box.Ack(ctx, id, outbox.Done, nil); err != nil && !errors.Is(err, outbox.ErrUnknown) {
			return err
		}
	}
	return nil
}
