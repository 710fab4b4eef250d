package mapping

import (
	"context"
)

// Summarise is the use case of counting the decisions.
type Summarise struct {
	managedTenants ManagedTenants
	store          ListStore
}

// NewSummarise makes the use case.
func NewSummarise(managedTenants ManagedTenants, store ListStore) *Summarise {
	return &Summarise{managedTenants: managedTenants, store: store}
}

// Do counts the decisions.
func (u *Summarise) Do(ctx context.Context) (Summary, error) {
	states, err := u.store.States(ctx)
	if err != nil {
		return Summary{}, err
	}
	return states.count(ctx, u.managedTenants)
}
