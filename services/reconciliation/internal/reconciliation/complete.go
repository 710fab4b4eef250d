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
	// SupersedeIdentities closes the open items of these identities of the directory.
	SupersedeIdentities(ctx context.Context, round Round, objectIDs []string, now time.Time) (int, error)
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

// Do closes open items as superseded and counts them: after a round that listed every identity,
// those that it did not push; after another, those of the identities named as settled. Only what
// a round has looked at may close, since absence from a partial listing proves nothing. since is
// when the round's last attempt began, zero when unknown: what only an earlier one pushed closes too.
func (c *Complete) Do(ctx context.Context, round Round, complete bool, since time.Time, settled []string) (int, error) {
	if complete {
		closed, err := c.store.SupersedeUnseen(ctx, round, since, c.now())
		if err != nil {
			return 0, fmt.Errorf("closing items not seen: %w", err)
		}
		return closed, nil
	}
	if len(settled) == 0 {
		return 0, nil
	}
	closed, err := c.store.SupersedeIdentities(ctx, round, settled, c.now())
	if err != nil {
		return 0, fmt.Errorf("closing settled items: %w", err)
	}
	return closed, nil
}
