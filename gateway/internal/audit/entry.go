package audit

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const (
	// writeEntry bounds one write before or after a method.
	writeEntry = 5 * time.Second
	// retryIntent is when to come again after an intent could not be written.
	retryIntent = 5 * time.Second
	// retryLate is the time between tries to write outcomes that are late.
	retryLate = 5 * time.Second
	// mostLate is how many outcomes wait to be written; more are lost, and their
	// calls are shown as Unknown.
	mostLate = 10_000
)

// Entry is one call in the trail, from before it is made until its outcome is
// known. It is used by one goroutine.
type Entry struct {
	log   *Log
	event Event
}

// Enter makes the entry of a call; id and time are filled in. Nothing is written
// yet.
func (l *Log) Enter(e Event) *Entry {
	e.ID, e.OccurredAt, e.Outcome = uuid.Must(uuid.NewV7()), l.now(), Pending
	return &Entry{log: l, event: e}
}

// Begin writes that the call is about to be made. errs.Unavailable, reason
// "audit_unavailable", when that fails, and the context's error when the caller
// has left: the call must not be made then.
func (e *Entry) Begin(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, writeEntry)
	defer cancel()
	if err := e.log.store.Insert(bounded, e.event); err != nil {
		if gone := ctx.Err(); gone != nil { // nobody waits for the answer, and nothing failed
			return gone
		}
		return errs.Of(reason.AuditUnavailable, errs.WithCause(err), errs.WithRetryAfter(retryIntent))
	}
	return nil
}

// End writes the outcome, with or without a Begin before it, whatever became of
// the caller. One that cannot be written is written later.
func (e *Entry) End(ctx context.Context, outcome string) {
	e.event.Outcome = outcome
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeEntry)
	defer cancel()
	if err := e.log.store.Settle(ctx, e.event); err != nil {
		kept := e.log.late.add(e.event)
		slog.ErrorContext(ctx, "outcome not in the audit trail yet", "action", e.event.Action, "outcome", outcome,
			"request", e.event.RequestID, "kept", kept, "error", err)
	}
}

// late holds outcomes that could not be written.
type late struct {
	mu     sync.Mutex
	events []Event
}

func (l *late) add(events ...Event) (kept bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	room := max(mostLate-len(l.events), 0)
	l.events = append(l.events, events[:min(room, len(events))]...)
	return room >= len(events)
}

func (l *late) take() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.events
	l.events = nil
	return events
}

// Serve writes outcomes that are late, until ctx ends, and once more then.
func (l *Log) Serve(ctx context.Context) error {
	writing(ctx, retryLate, l.settleLate)
	return nil
}

// settleLate writes what it can, up to the first failure.
func (l *Log) settleLate(ctx context.Context) {
	events := l.late.take()
	for i, e := range events {
		if err := l.store.Settle(ctx, e); err != nil {
			l.late.add(events[i:]...)
			slog.WarnContext(ctx, "outcomes are not in the audit trail yet", "count", len(events)-i, "error", err)
			return
		}
	}
}
