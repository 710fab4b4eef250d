package reconciliation

import (
	"context"
	"fmt"
)

// OpenCount is how many items of a client are open for a reason.
type OpenCount struct {
	ClientID string
	Reason   Reason
	Open     int
}

// Counts are how many items are open, each the largest first.
type Counts struct {
	ByReason     []OpenCount
	BySuggestion []SuggestionCount
}

// SuggestionCount is how many open items have the same suggestion, or none.
type SuggestionCount struct {
	Suggestion Action
	Open       int
}

// ReasonCounter counts open items by what they are about.
type ReasonCounter interface {
	// OpenCounts counts the open items that match the filter by client and reason, at most
	// so many, and by suggestion.
	OpenCounts(ctx context.Context, filter Filter, limit int) (Counts, error)
}

// maxCounts bounds the counts of one answer.
const maxCounts = 1000

// CountByReason is the use case of looking at what kinds of open items there are.
type CountByReason struct{ store ReasonCounter }

// NewCountByReason makes the use case.
func NewCountByReason(store ReasonCounter) *CountByReason { return &CountByReason{store: store} }

// Do counts the open items that match the filter by client and reason, at most 1,000,
// and by suggestion.
func (c *CountByReason) Do(ctx context.Context, filter Filter) (Counts, error) {
	filter.Status = Open
	counts, err := c.store.OpenCounts(ctx, filter, maxCounts)
	if err != nil {
		return Counts{}, fmt.Errorf("counting items: %w", err)
	}
	return counts, nil
}
