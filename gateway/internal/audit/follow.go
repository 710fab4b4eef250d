package audit

import (
	"context"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/outbox/puller"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/connectionstatus"
)

// What the trail calls the changes of a connection.
const (
	Connected        = "connection.connected"
	Replaced         = "connection.replaced" // by a person, over one that there was
	Recovered        = "connection.recovered"
	ValidationFailed = "connection.validation_failed"
	Disconnected     = "connection.disconnected"
)

// The arguments of a change of a connection's state.
const (
	FromStatus = "from_status"
	ToStatus   = "to_status"
	Reason     = "reason" // of the failure; empty where there is none
)

// OnceStore keeps events that may come more than once.
type OnceStore interface {
	// Settle writes an event unless it is there already.
	Settle(ctx context.Context, e Event) error
}

// Follow is the use case of writing a change of a connection's state into the
// trail. It is written once by its id, so that the change may be handed out again,
// also to another process.
type Follow struct{ store OnceStore }

// NewFollow makes the use case.
func NewFollow(store OnceStore) *Follow { return &Follow{store: store} }

// Do writes one change; see puller.Do. One that cannot be written is tried again.
func (f *Follow) Do(ctx context.Context, change puller.Effect) (outcome string, result map[string]string, err error) {
	event, err := fromChange(change)
	if err == nil {
		err = f.store.Settle(ctx, event)
	}
	if err != nil {
		return puller.Retry, nil, err
	}
	return puller.Done, nil, nil
}

// fromChange makes the event of a change.
func fromChange(change puller.Effect) (Event, error) {
	id, err := uuid.Parse(change.ID)
	if err != nil {
		return Event{}, err
	}
	whose, err := tenant.Parse(change.Tenant)
	if err != nil {
		return Event{}, err
	}
	event := Event{
		ID: id, Tenant: whose, OccurredAt: change.CreatedAt, ActorID: change.ActorID, ActorType: User,
		Action: actionOf(change), Outcome: OK,
	}
	if event.ActorID == "" {
		event.ActorID, event.ActorType = System, System
	}
	if why := change.Arguments[Reason]; why != "" {
		event.Outcome = why
	}
	return event, nil
}

// actionOf names a change by the state before it and by who made it.
func actionOf(change puller.Effect) string {
	from, to := change.Arguments[FromStatus], change.Arguments[ToStatus]
	active := connectionstatus.Active(from)
	switch {
	case to == connectionstatus.Connected && active && change.ActorID == "":
		return Recovered
	case to == connectionstatus.Connected && active:
		return Replaced
	case to == connectionstatus.Connected:
		return Connected
	case to == connectionstatus.ValidationFailed:
		return ValidationFailed
	case to == connectionstatus.Disconnected:
		return Disconnected
	default: // a state of a later version
		return "connection." + to
	}
}
