package reconciliation

import (
	"context"
	"fmt"
	"time"
)

// Superseder closes items that need no decision any more and counts them.
type Superseder interface {
	// SupersedeUnseen closes the directory's open items that its run did not push,
	// or not since the given time where that is not zero.
	SupersedeUnseen(ctx context.Context, round Round, since, now time.Time) (int, error)
}

// Complete is the use case of ending a round.
type Complete struct {
	store Superseder
	now   func() time.Time
}

// NewComplete makes the use case.
func NewComplete(store Superseder, now func() time.Time) *Complete {
	return &Complete{store: store, now: now}
}

// Do closes as superseded, after a round that knows of every identity, the open items that it
// did not push, and counts them. since is when the round's last attempt began, zero when unknown:
// what only an earlier one pushed closes too.
func (c *Complete) Do(ctx context.Context, round Round, since time.Time) (int, error) {
	closed, err := c.store.SupersedeUnseen(ctx, round, since, c.now())
	if err != nil {
		return 0, fmt.Errorf("closing items not seen: %w", err)
	}
	return closed, nil
}
