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

// Revised is how a directory's links stand after a mapping revision was applied to them.
type Revised struct {
	Orphaned    int // links that wait for a person, all of them
	Reactivated int // links that this call reactivated
}

// RevisionStore applies mapping revisions to the links of a directory.
type RevisionStore interface {
	// ApplyRevision first announces the revision, so that rounds of an older one stop at
	// their next range, then waits for the locks of the directory and of the client that
	// is mapped (errs.Unavailable, reason round_in_progress, when they are not free in
	// time), and marks the links. A revision older than the last one announced changes
	// nothing, and nor does the same one again. ErrMappingDiffers when the revision was
	// announced earlier for a different client.
	ApplyRevision(ctx context.Context, m MappingRevision, now func() time.Time) (Revised, error)
}

// RevisionQueue is the queue as a mapping revision changes it.
type RevisionQueue interface {
	// CloseItemsOfOldClient closes the directory's open items that earlier revisions
	// raised for another client.
	CloseItemsOfOldClient(ctx context.Context, m MappingRevision) error
}

// ReviseMapping applies a mapping that a person changed: links made under another
// client are orphaned, which is to say that they neither match nor are made
// inactive; those of the client that is mapped now are reactivated. No contact is
// touched. Open queue items about identities of the directory are closed where they
// belong to a client that is no longer mapped.
type ReviseMapping struct {
	store RevisionStore
	queue RevisionQueue
	now   func() time.Time
}

// NewReviseMapping wires the use case.
func NewReviseMapping(store RevisionStore, queue RevisionQueue, now func() time.Time) *ReviseMapping {
	return &ReviseMapping{store: store, queue: queue, now: now}
}

// Do applies the revision. After a crash at any point, calling it again completes it. The
// queue comes second: once the links are in line, no round of an earlier revision is
// left that could raise items.
func (r *ReviseMapping) Do(ctx context.Context, m MappingRevision) (Revised, error) {
	revised, err := r.store.ApplyRevision(ctx, m, r.now)
	if err != nil {
		return Revised{}, err
	}
	return revised, r.queue.CloseItemsOfOldClient(ctx, m)
}
