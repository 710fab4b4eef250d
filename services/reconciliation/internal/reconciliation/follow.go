package reconciliation

import (
	"context"
	"fmt"
	"time"
)

// Mapped is what a directory is mapped to after a change of its mapping.
type Mapped struct {
	EntraTenantID string
	ClientID      string // empty when no client is mapped
	Revision      int64  // rises with every change
}

// Follower closes items whose client the directory is no longer mapped to.
type Follower interface {
	// SupersedeForeign closes the directory's open items of earlier revisions whose client is
	// another one, and counts them.
	SupersedeForeign(ctx context.Context, mapped Mapped, now time.Time) (int, error)
}

// Follow is the use case of applying a changed mapping to the queue.
type Follow struct {
	store Follower
	now   func() time.Time
}

// NewFollow makes the use case.
func NewFollow(store Follower, now func() time.Time) *Follow { return &Follow{store: store, now: now} }

// Do closes as superseded items of the directory that were raised for another client than the
// mapped one. Items of later revisions stay, so that a change announced late does no harm.
func (f *Follow) Do(ctx context.Context, mapped Mapped) (int, error) {
	closed, err := f.store.SupersedeForeign(ctx, mapped, f.now())
	if err != nil {
		return 0, fmt.Errorf("closing items of another client: %w", err)
	}
	return closed, nil
}
