package discovery

import (
	"context"
	"time"
)

// endingSoon is how long before the end of their delegated access people are
// warned.
const endingSoon = 30 * 24 * time.Hour

// Summarise is the use case of showing discovery in the status of the integration.
type Summarise struct {
	store ShowStore
	now   func() time.Time
}

// NewSummarise makes the use case.
func NewSummarise(store ShowStore, now func() time.Time) *Summarise {
	return &Summarise{store: store, now: now}
}

// Do returns what the status shows.
func (u *Summarise) Do(ctx context.Context) (Summary, error) {
	return u.store.Summary(ctx, u.now().Add(endingSoon))
}
