package connection

import (
	"context"
	"time"
)

// Effect is what a change must cause elsewhere.
type Effect struct {
	ID        string
	Actor     string // who made the change, by id
	Kind      string
	Arguments map[string]string // ids only
	CreatedAt time.Time
}

// EffectWaiter waits for effects.
type EffectWaiter interface {
	// Settle waits up to the given time for effects of the context's tenant to end,
	// and reports whether all have.
	Settle(ctx context.Context, ids []string, wait time.Duration) bool
}

// How an answer describes the effects of the change it reports.
const (
	Settled   = "settled"
	Unsettled = "pending"
)
