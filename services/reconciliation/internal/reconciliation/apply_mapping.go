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

// ForeignSuperseder closes items whose client the directory is no longer mapped to.
type ForeignSuperseder interface {
	// SupersedeForeign closes the directory's open items of earlier revisions whose client is
	// another one, and counts them.
	SupersedeForeign(ctx context.Context, mapped Mapped, now time.Time) (int, error)
}

// ApplyMapping is the use case of applying a changed mapping to the queue.
type ApplyMapping struct {
	store ForeignSuperseder
	now   func() time.Time
}

// NewApplyMapping makes the use case.
func NewApplyMapping(store ForeignSuperseder, now func() time.Time) *ApplyMapping {
	return &ApplyMapping{store: store, now: now}
}

// Do closes as superseded items of the directory that were raised for another client than the
// mapped one. Items of later revisions stay, so that a change announced late does no harm.
func (a *ApplyMapping) Do(ctx context.Context, mapped Mapped) (int, error) {
	closed, err := a.store.SupersedeForeign(ctx, mapped, a.now())
	if err != nil {
		return 0, fmt.Errorf("closing items of another client: %w", err)
	}
	return closed, nil
}
