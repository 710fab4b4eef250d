package syncengine

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// ErrCursorExpired is returned for a cursor after which changes are not kept any
// more, and for one of a feed that is not this one.
var ErrCursorExpired = errs.New(errs.Precondition, reason.CursorExpired,
	"What changed after this cursor is not kept any more. List all contacts again, and follow the feed from the changesCursor of that list.")

var errBadCursor = errs.Of(reason.InvalidArgument, errs.WithViolation("cursor", "is not a cursor of this feed"))

// changePoll is how often a reader that waits looks for changes.
const changePoll = time.Second

// FeedEntry is one entry of the change feed, as of its change.
type FeedEntry struct {
	Sequence     int64
	Type, Source string
	ClientID     string
	Contact      *Contact // these three: whichever the entry is about
	Client       *FeedClient
	Item         *FeedItem
	Fields       []string
	RunID        string // empty where no run made the change
	At           time.Time
}

// FeedClient is a client as it is in the feed.
type FeedClient struct {
	ID         string `json:"id"`
	ExternalID string `json:"externalId"`
	Name       string `json:"name"`
}

// FeedStore reads the change feed.
type FeedStore interface {
	// Changes returns at most size entries after a number, in order, and the number
	// of the tenant's last one.
	Changes(ctx context.Context, after int64, size int) (entries []FeedEntry, head int64, err error)
	// FeedBefore is the number before the first entry of that time or later, that of
	// the last entry where there is none.
	FeedBefore(ctx context.Context, at time.Time) (int64, error)
}

// ListChanges reads the change feed.
type ListChanges struct {
	store FeedStore
	poll  time.Duration
}

// NewListChanges wires the use case.
func NewListChanges(store FeedStore) *ListChanges {
	return &ListChanges{store: store, poll: changePoll}
}

// Do returns at most size entries after the cursor and the cursor to go on from.
// Where there are none it waits so long for some. ErrCursorExpired.
func (l *ListChanges) Do(ctx context.Context, cursor string, size int, wait time.Duration) (entries []FeedEntry, next string, err error) {
	after, err := afterCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	for {
		entries, head, err := l.store.Changes(ctx, after, size)
		switch {
		case err != nil:
			return nil, "", err
		case len(entries) > 0 && !follow(entries, after), len(entries) == 0 && head != after:
			return nil, "", ErrCursorExpired // numbers have no gap
		case len(entries) > 0:
			return entries, FeedCursor(entries[len(entries)-1].Sequence), nil
		case wait <= 0:
			return nil, FeedCursor(after), nil
		}
		select {
		case <-ctx.Done():
			return nil, "", ctx.Err()
		case <-deadline.C:
			return nil, FeedCursor(after), nil
		case <-time.After(l.poll):
		}
	}
}

// follow reports that entries have each number from the one after this on.
func follow(entries []FeedEntry, after int64) bool {
	return entries[0].Sequence == after+1 && entries[len(entries)-1].Sequence == after+int64(len(entries))
}

// Since is Do from the first entry of that time or later.
func (l *ListChanges) Since(ctx context.Context, at time.Time, size int) (entries []FeedEntry, next string, err error) {
	after, err := l.store.FeedBefore(ctx, at)
	if err != nil {
		return nil, "", err
	}
	return l.Do(ctx, FeedCursor(after), size, 0)
}

const cursorPrefix = "f1-" // the form of the cursor, should there be another one day

// FeedCursor is the cursor behind the entry with that number.
func FeedCursor(sequence int64) string { return cursorPrefix + strconv.FormatInt(sequence, 36) }

// afterCursor is the number behind which a cursor stands, 0 for the empty one.
func afterCursor(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	text, ok := strings.CutPrefix(cursor, cursorPrefix)
	after, err := strconv.ParseInt(text, 36, 64)
	if !ok || err != nil || after < 0 || FeedCursor(after) != cursor {
		return 0, errBadCursor
	}
	return after, nil
}
