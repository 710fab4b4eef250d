// Package audit keeps who did what, when, from where and how it ended.
package audit

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// Who acts.
const (
	User     = "user"
	Platform = "platform"
	System   = "system" // nobody: an answer of Microsoft's
)

// Outcomes that are no reason of a refusal.
const (
	OK = "ok"
	// Pending is that of a call that has begun and has not ended.
	Pending = "pending"
	// Unknown is shown of a call that has begun long ago and has not ended: its
	// process died, or cannot write what became of it yet.
	Unknown = "unknown"
)

const (
	// maxPage is the largest size of a page.
	maxPage = 200
	// overdue is when no call is under way any more; methods take less.
	overdue = time.Minute
)

// Event is one call of a method that changes something, or a change that no call
// made.
type Event struct {
	ID         uuid.UUID // version 7: orders events by time
	Tenant     tenant.ID // empty for calls of the platform
	OccurredAt time.Time
	ActorID    string
	ActorType  string // User, Platform or System
	Action     string // "entrasync.mapping.v1.MappingService/ConfirmMappings", "connection.validation_failed"
	Outcome    string // OK, Pending, Unknown or the stable reason of the refusal
	RequestID  string // empty where no call made the change
	RemoteAddr string // an IP address; empty where no call made the change
}

// Store keeps events.
type Store interface {
	// Insert writes a new event.
	Insert(ctx context.Context, e Event) error
	// Settle writes an event, or the outcome of the one of its id that is Pending;
	// one that has ended stays as it is.
	Settle(ctx context.Context, e Event) error
	// Before gives at most n events of the context's tenant with a smaller id,
	// newest first.
	Before(ctx context.Context, before uuid.UUID, n int) ([]Event, error)
}

// Log records and lists events.
type Log struct {
	store Store
	now   func() time.Time
	late  late
}

// New makes a log over a store.
func New(store Store, now func() time.Time) *Log { return &Log{store: store, now: now} }

// List gives a page of the tenant's events, newest first, and the token of the
// next page, empty after the last. size 0 is page.DefaultSize; page.ErrToken.
func (l *Log) List(ctx context.Context, size int, token string) (events []Event, next string, err error) {
	part, err := page.Of(page.List[Event]{
		Size: int32(min(max(size, 0), maxPage)), Token: token, Filters: []string{"audit"},
		Read: func(after *page.Cursor, limit int32) ([]Event, error) {
			_, before, err := after.Place()
			if err != nil {
				return nil, err
			}
			if after == nil {
				before = uuid.Max
			}
			return l.before(ctx, before, int(limit))
		},
		Place: func(e Event) page.Cursor { return page.Cursor{ID: e.ID.String()} },
	})
	return part.Items, part.Next, err
}

// before reads events, those as Unknown that should have ended.
func (l *Log) before(ctx context.Context, before uuid.UUID, n int) ([]Event, error) {
	events, err := l.store.Before(ctx, before, n)
	for i, e := range events {
		if e.Outcome == Pending && l.now().Sub(e.OccurredAt) > overdue {
			events[i].Outcome = Unknown
		}
	}
	return events, err
}
