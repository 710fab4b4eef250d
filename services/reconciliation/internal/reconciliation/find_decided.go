package reconciliation

import (
	"context"
	"fmt"
)

// DecidedFinder looks decisions up.
type DecidedFinder interface {
	// Decided returns which of the identities a person has decided on the same facts.
	Decided(ctx context.Context, round Round, sightings []Sighting) (objectIDs []string, err error)
}

// FindDecided is the use case of a dry run, which asks what a push would leave out.
type FindDecided struct{ store DecidedFinder }

// NewFindDecided makes the use case.
func NewFindDecided(store DecidedFinder) *FindDecided { return &FindDecided{store: store} }

// Do returns the object ids of the sightings that a push would not open items for.
// Nothing is written.
func (f *FindDecided) Do(ctx context.Context, round Round, sightings []Sighting) ([]string, error) {
	if len(sightings) == 0 {
		return nil, nil
	}
	decided, err := f.store.Decided(ctx, round, sightings)
	if err != nil {
		return nil, fmt.Errorf("looking decisions up: %w", err)
	}
	return decided, nil
}
