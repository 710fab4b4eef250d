package reconciliation

import (
	"context"
	"fmt"
	"math"
)

// OpenCounter counts items.
type OpenCounter interface {
	// Count counts the items that match the filter, and stops after so many.
	Count(ctx context.Context, filter Filter, most int) (int, error)
}

// CountOpen is the use case of counting what waits for a decision.
type CountOpen struct{ store OpenCounter }

// NewCountOpen makes the use case.
func NewCountOpen(store OpenCounter) *CountOpen { return &CountOpen{store: store} }

// Do counts all open items.
func (c *CountOpen) Do(ctx context.Context) (int, error) {
	open, err := c.store.Count(ctx, Filter{Status: Open}, math.MaxInt32)
	if err != nil {
		return 0, fmt.Errorf("counting open items: %w", err)
	}
	return open, nil
}
