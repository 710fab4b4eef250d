package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

const (
	pullEvents      = 50
	pullWaitSeconds = 20
	pullTimeout     = (pullWaitSeconds + 10) * time.Second
	// writeTimeout bounds the writing of what one pull gave; the events' lease is
	// longer.
	writeTimeout = 15 * time.Second
	// After a failure the next pull waits from the first to the most, after an
	// answer without events the first: it may have come at once.
	retryFirst = 200 * time.Millisecond
	retryMost  = 10 * time.Second
)

// What the trail calls the changes of a connection.
const (
	Connected        = "connection.connected"
	Replaced         = "connection.replaced" // by a person, over one that there was
	Recovered        = "connection.recovered"
	ValidationFailed = "connection.validation_failed"
	Disconnected     = "connection.disconnected"
)

// OnceStore keeps events that may come more than once.
type OnceStore interface {
	// Settle writes an event unless it is there already.
	Settle(ctx context.Context, e Event) error
}

// Follower brings the changes of connections' states into the trail. An event is
// acknowledged when it is written, and written once by its id, so that nothing is
// lost or told twice whichever process dies, and several may follow at once.
type Follower struct {
	source connectionv1.ConnectionInternalServiceClient
	store  OnceStore
}

// NewFollower makes a follower.
func NewFollower(source connectionv1.ConnectionInternalServiceClient, store OnceStore) *Follower {
	return &Follower{source: source, store: store}
}

// Serve follows until ctx ends, and waits longer and longer while it cannot.
func (f *Follower) Serve(ctx context.Context) error {
	pause := time.Duration(0)
	for ctx.Err() == nil {
		if pause = f.turn(ctx, pause); pause == 0 {
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

// turn takes what there is and gives how long to wait before the next turn, where the last wait
// was that long.
func (f *Follower) turn(ctx context.Context, last time.Duration) time.Duration {
	events, err := f.once(ctx)
	switch {
	case err != nil:
		if ctx.Err() == nil {
			slog.WarnContext(ctx, "changes of connections are not in the audit trail yet", "error", err)
		}
		return min(max(2*last, retryFirst), retryMost)
	case events == 0:
		return retryFirst
	}
	return 0
}

// once pulls, writes and acknowledges; it tells how many events there were.
func (f *Follower) once(ctx context.Context) (events int, err error) {
	patience, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	pulled, err := f.source.PullStatusEvents(patience, &connectionv1.PullStatusEventsRequest{
		MaxEvents: pullEvents, WaitSeconds: pullWaitSeconds,
	})
	if err != nil {
		return 0, err
	}
	// What is here is written also when the process is told to stop.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer stop()
	written, failed := map[tenant.ID][]string{}, []error{}
	for _, e := range pulled.GetEvents() {
		event, err := fromStatus(e)
		if err == nil {
			err = f.store.Settle(ctx, event)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("event %s: %w", e.GetEventId(), err))
			continue // it comes again
		}
		written[event.Tenant] = append(written[event.Tenant], e.GetEventId())
	}
	for id, ids := range written {
		within := tenant.With(ctx, tenant.Call{Tenant: id, Actor: tenant.Actor{Type: System}})
		if _, err := f.source.AckStatusEvents(within, &connectionv1.AckStatusEventsRequest{EventIds: ids}); err != nil {
			failed = append(failed, fmt.Errorf("acknowledging: %w", err))
		}
	}
	return len(pulled.GetEvents()), errors.Join(failed...)
}

// fromStatus reads what the connection tells.
func fromStatus(e *connectionv1.StatusEvent) (Event, error) {
	id, err := uuid.Parse(e.GetEventId())
	if err != nil {
		return Event{}, err
	}
	whose, err := tenant.Parse(e.GetTenantId())
	if err != nil {
		return Event{}, err
	}
	event := Event{
		ID: id, Tenant: whose, OccurredAt: e.GetAt().AsTime(), ActorID: e.GetActorId(), ActorType: User,
		Action: actionOf(e), Outcome: "ok",
	}
	if event.ActorID == "" {
		event.ActorID, event.ActorType = System, System
	}
	if e.GetReason() != "" {
		event.Outcome = e.GetReason()
	}
	return event, nil
}

// actionOf names a change by where it came from and who made it.
func actionOf(e *connectionv1.StatusEvent) string {
	active := e.GetFromStatus() == "connected" || e.GetFromStatus() == "validation_failed"
	switch to := e.GetToStatus(); {
	case to == "connected" && active && e.GetActorId() == "":
		return Recovered
	case to == "connected" && active:
		return Replaced
	case to == "connected":
		return Connected
	case to == "validation_failed":
		return ValidationFailed
	case to == "disconnected":
		return Disconnected
	default: // a state of a later version
		return "connection." + to
	}
}
