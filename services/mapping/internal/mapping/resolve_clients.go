package mapping

import (
	"context"
)

// ResolveClients is the use case of finding which clients there are.
type ResolveClients struct{ store ListStore }

// NewResolveClients makes the use case.
func NewResolveClients(store ListStore) *ResolveClients { return &ResolveClients{store: store} }

// Do gives those of the clients that exist and are not deleted.
func (u *ResolveClients) Do(ctx context.Context, ids, externalIDs []string) ([]Client, error) {
	return u.store.Resolve(ctx, ids, externalIDs)
}
