package syncengine

import (
	"context"
	"time"
)

// MappingRevision is a managed tenant's mapping as one change of it left it.
type MappingRevision struct {
	ManagedTenantID, EntraTenantID string
	ClientID                       string // empty when no client is mapped
	Revision                       int64  // rises with every change
}

// Revised is how a directory's links stand after its mapping was followed.
type Revised struct {
	Orphaned    int // links that wait for a person, all of them
	Reactivated int // links that took up again, of this call alone
}

// MappingFollower has a directory's links follow its mapping.
type MappingFollower interface {
	// FollowMapping first has rounds of an older revision stop at their next
	// range, then waits a while for the directory and for the client that is
	// mapped (errs.Unavailable, reason round_in_progress, when the wait was in
	// vain), and marks the links. A revision older than the one told last changes
	// nothing, and nor does the same one again. ErrMappingDiffers when the revision
	// was told with another client.
	FollowMapping(ctx context.Context, m MappingRevision, now time.Time) (Revised, error)
}

// FollowingQueue is the queue that keeps to the mapping.
type FollowingQueue interface {
	// FollowMapping closes the directory's open items that earlier revisions raised
	// for another client.
	FollowMapping(ctx context.Context, m MappingRevision) error
}

// ReviseMapping follows a mapping that a person changed: links made under another
// client are orphaned, which is to say that they neither match nor are made
// inactive; those of the client that is mapped now take up again. No contact is
// touched. Open queue items about identities of the directory are closed where they are
// those of a client that is no longer mapped.
type ReviseMapping struct {
	store MappingFollower
	queue FollowingQueue
	now   func() time.Time
}

// NewReviseMapping wires the use case.
func NewReviseMapping(store MappingFollower, queue FollowingQueue, now func() time.Time) *ReviseMapping {
	return &ReviseMapping{store: store, queue: queue, now: now}
}

// Do follows the mapping. After a crash at any point, calling it again completes it. The
// queue comes second: once the links follow, no round of an earlier revision is
// left that could raise items.
func (r *ReviseMapping) Do(ctx context.Context, m MappingRevision) (Revised, error) {
	revised, err := r.store.FollowMapping(ctx, m, r.now())
	if err != nil {
		return Revised{}, err
	}
	return revised, r.queue.FollowMapping(ctx, m)
}
