package mapping

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/settle"
)

// Remap is the use case of giving a managed tenant to another client.
type Remap struct{ changer }

// NewRemap makes the use case.
func NewRemap(managedTenants ManagedTenants, store ChangeStore, effects Effects, now func() time.Time) *Remap {
	return &Remap{changer{managedTenants: managedTenants, store: store, effects: settle.NewWaiter(effects), now: now}}
}

// Do gives a managed tenant to a client, whatever was decided about it before; the
// client that it has already changes nothing. Errors as Skip.Do, and errs.NotFound
// "client_not_found", errs.Conflict "client_deleted".
func (u *Remap) Do(ctx context.Context, actor, managedTenantID, clientID string, version *int64) (Changed, error) {
	return u.decide(ctx, actor, Decision{ManagedTenantID: managedTenantID, Kind: DecideMap, ClientID: clientID}, version)
}
