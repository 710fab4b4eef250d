package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/backoff"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const (
	// idle is how long an endpoint to which everything was sent waits for more.
	idle = 2 * time.Second
	// sendTime is how long an endpoint keeps its slot; lease is how long no other process may send to it.
	sendTime = 30 * time.Second
	lease    = 2 * time.Minute
	// firstRetry doubles with every attempt, up to mostRetry.
	firstRetry = 5 * time.Second
	mostRetry  = time.Hour
	// giveUp is how long an endpoint may fail before it is disabled.
	giveUp = 5 * 24 * time.Hour
	// keepDeliveries is how long attempts are listed.
	keepDeliveries = 30 * 24 * time.Hour
	// lateRuns is how much later than it ended a run may become visible.
	lateRuns = 10 * time.Minute

	pageSize  = 100
	runPrefix = "sync.run."
)

// Due names an endpoint that is due: its pause is over and no process has leased it.
type Due struct {
	Tenant tenant.ID
	ID     uuid.UUID
}

// DeliveryStore keeps how far each endpoint has come, and lets one process at a time deliver to it.
type DeliveryStore interface {
	NoticeStore
	// Due names at most n endpoints that are due, by the store's clock, of all tenants but those.
	Due(ctx context.Context, n int, but []tenant.ID) ([]Due, error)
	// Lease takes the endpoint of the context's tenant for some time; false where another
	// process has leased it.
	Lease(ctx context.Context, id uuid.UUID, most time.Duration) (Endpoint, bool, error)
	// Settle keeps how far the endpoint came and ends its lease; it is due again after the
	// pause. was is the endpoint as it was leased: where a person sent it back meanwhile,
	// that counts.
	Settle(ctx context.Context, was, is *Endpoint, pause time.Duration) error
	AddDelivery(ctx context.Context, endpoint uuid.UUID, d Delivery) error
	// Delivered names those of the messages that were delivered after that time.
	Delivered(ctx context.Context, endpoint uuid.UUID, messageIDs []string, since time.Time) (map[string]bool, error)
	// Forget forgets deliveries and notices that are older.
	Forget(ctx context.Context, endpoint uuid.UUID, before time.Time) error
}

// Event is a message and the cursor of the feed behind it. The message about a run's end has no data before
// it is sent.
type Event struct {
	Message

	Cursor string
}

// Source gives the events of the context's tenant.
type Source interface {
	Feed
	// Changes gives what came after a cursor, in order; errs.Precondition, reason
	// cursor_expired.
	Changes(ctx context.Context, cursor string, n int) ([]Event, error)
	// EndedRuns gives at most n ends of runs, without their data, of that time or later, in the order of their
	// times and ids; of those of that very time only the ones behind the message's id, all where it is empty.
	EndedRuns(ctx context.Context, since time.Time, after string, n int) ([]Event, error)
	// EndedRun gives the data of the message about a run's end; errs.NotFound where the run was deleted.
	EndedRun(ctx context.Context, messageID string) ([]byte, error)
}

// Deliverer sends events to endpoints. Several may do so at once.
type Deliverer struct {
	store  DeliveryStore
	source Source
	sender *Sender
	now    func() time.Time
	poll   time.Duration
}

// NewDeliverer makes a deliverer.
func NewDeliverer(store DeliveryStore, source Source, sender *Sender, now func() time.Time) *Deliverer {
	return &Deliverer{store: store, source: source, sender: sender, now: now, poll: time.Second}
}

// Serve delivers until ctx ends.
func (d *Deliverer) Serve(ctx context.Context) error {
	tick := time.NewTicker(d.poll)
	defer tick.Stop()
	for {
		if err := d.DeliverDue(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "webhooks cannot be delivered at the moment", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// DeliverDue gives endpoints slots until none is due or has one. An endpoint that becomes due while
// others are slow waits for none of them.
func (d *Deliverer) DeliverDue(ctx context.Context) error {
	tick := time.NewTicker(d.poll)
	defer tick.Stop()
	now := newSlots()
	defer func() {
		for len(now.tenants) > 0 {
			now.end(<-now.ended)
		}
	}()
	for {
		err := d.fill(ctx, now)
		if len(now.tenants) == 0 {
			return err
		}
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "webhooks that are due cannot be looked for at the moment", "error", err)
		}
		select {
		case one := <-now.ended:
			now.end(one)
		case <-tick.C:
			clear(now.failed)
		case <-ctx.Done():
			return nil
		}
	}
}

// fill gives the free slots to endpoints that are due.
func (d *Deliverer) fill(ctx context.Context, now *slots) error {
	for now.free() > 0 {
		due, err := d.store.Due(ctx, atOnce+len(now.failed), now.served())
		if err != nil {
			return err
		}
		began := false
		for _, one := range due {
			if !now.begin(one) {
				continue
			}
			began = true
			go func() {
				mine := tenant.With(ctx, tenant.Call{Tenant: one.Tenant, Actor: tenant.Actor{ID: "gateway", Type: "system"}})
				err := d.deliverTo(mine, one.ID)
				if err != nil && ctx.Err() == nil {
					slog.WarnContext(mine, "events could not be sent to a webhook", "webhook", one.ID, "error", err)
				}
				now.ended <- endpointEnd{one.ID, err != nil}
			}()
		}
		if !began {
			return nil
		}
	}
	return nil
}

// deliverTo leases one endpoint, sends it what it has not got yet and stores how far that came.
func (d *Deliverer) deliverTo(ctx context.Context, id uuid.UUID) error {
	was, mine, err := d.store.Lease(ctx, id, lease)
	if err != nil || !mine {
		return err
	}
	is := was
	err = d.deliver(ctx, &is)
	pause := idle
	if is.Attempts > 0 {
		pause = backoff.Pause(is.Attempts, firstRetry, mostRetry)
	}
	// What was delivered is stored also when the process is stopping.
	ctx = context.WithoutCancel(ctx)
	if kept := d.store.Settle(ctx, &was, &is, pause); kept != nil {
		return kept
	}
	if err != nil {
		return err
	}
	return d.store.Forget(ctx, id, d.now().Add(-keepDeliveries))
}

// deliver sends what came, up to the first message that cannot be delivered.
func (d *Deliverer) deliver(ctx context.Context, e *Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	done, err := d.deliverTimed(ctx, e)
	if err == nil && !done {
		return nil
	}
	// What keeps it from the ends of runs, such as an engine older than this gateway, keeps no change back.
	return errors.Join(err, d.deliverChanges(ctx, e))
}

// deliverChanges delivers what the feed has.
func (d *Deliverer) deliverChanges(ctx context.Context, e *Endpoint) error {
	for ctx.Err() == nil {
		events, err := d.source.Changes(ctx, e.FeedCursor, pageSize)
		if errs.ReasonOf(err) == reason.CursorExpired {
			slog.WarnContext(ctx, "a webhook missed what is not kept any more", "webhook", e.ID)
			e.FeedCursor, err = d.source.Head(ctx)
		}
		if err != nil || len(events) == 0 {
			return unlessOver(ctx, err)
		}
		done, err := d.sendNew(ctx, e, events, func(event Event) { e.FeedCursor = event.Cursor })
		if err != nil || !done {
			return err
		}
	}
	return nil
}

// unlessOver is why deliver cannot read what comes next; nothing where its time is over: the next lease goes on.
func unlessOver(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

// sendNew sends, in order, the events that the endpoint subscribes to and has not got yet, and calls
// behind for each event that is done with. What a process that was ended had delivered is not sent again, and after a
// replay what was delivered before it does not count. It is done where all could be delivered.
func (d *Deliverer) sendNew(ctx context.Context, e *Endpoint, events []Event, behind func(Event)) (done bool, err error) {
	var ids []string
	for _, event := range events {
		if slices.Contains(e.Events, event.Type) {
			ids = append(ids, event.ID)
		}
	}
	got := map[string]bool{}
	if len(ids) > 0 {
		if got, err = d.store.Delivered(ctx, e.ID, ids, e.ReplayedAt); err != nil {
			return false, err
		}
	}
	for _, event := range events {
		if slices.Contains(e.Events, event.Type) && !got[event.ID] {
			if event.Data == nil {
				event.Data, err = d.source.EndedRun(ctx, event.ID)
			}
			if errs.KindOf(err) == errs.NotFound {
				behind(event) // old runs are deleted
				continue
			}
			if err != nil {
				return false, err
			}
			delivered, err := d.send(ctx, e, event.Message)
			if err != nil || !delivered {
				return false, err
			}
		}
		behind(event)
	}
	return true, nil
}

// send sends a message and says what is next for the endpoint.
func (d *Deliverer) send(ctx context.Context, e *Endpoint, m Message) (delivered bool, err error) {
	select {
	case <-ctx.Done():
		return false, nil // the slot is given back; the next one begins here
	default:
	}
	got, err := d.sender.Send(context.WithoutCancel(ctx), e, m, e.Attempts+1)
	if err != nil {
		return false, err
	}
	if err := d.store.AddDelivery(ctx, e.ID, got); err != nil {
		return false, err
	}
	now := d.now()
	if got.Delivered {
		e.Attempts, e.FailingSince = 0, nil
		return true, nil
	}
	e.Attempts++
	if e.FailingSince == nil {
		e.FailingSince = &now
	}
	switch {
	case got.Status != nil && *got.Status == http.StatusGone:
		return false, d.disable(ctx, e, Gone)
	case now.Sub(*e.FailingSince) >= giveUp:
		return false, d.disable(ctx, e, Failing)
	}
	return false, nil
}

// disable ends an endpoint and notifies the tenant's others.
func (d *Deliverer) disable(ctx context.Context, e *Endpoint, why string) error {
	e.State, e.DisabledReason = Disabled, &why
	slog.WarnContext(ctx, "a webhook was disabled", "webhook", e.ID, "why", why)
	m, err := notice(fmt.Sprintf("webhook_disabled_%s_%d", e.ID, e.FailingSince.Unix()), WebhookDisabled, d.now(), struct {
		ID           string    `json:"id"`
		Reason       string    `json:"reason"`
		FailingSince time.Time `json:"failingSince"`
	}{e.ID.String(), why, e.FailingSince.UTC()})
	if err != nil {
		return err
	}
	return d.store.AddNotice(context.WithoutCancel(ctx), m)
}
