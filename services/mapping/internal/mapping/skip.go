package mapping

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/settle"
)

// Skip is the use case of leaving a managed tenant for later.
type Skip struct{ changer }

// NewSkip makes the use case.
func NewSkip(managedTenants ManagedTenants, store ChangeStore, effects Effects, now func() time.Time) *Skip {
	return &Skip{changer{managedTenants: managedTenants, store: store, effects: settle.NewWaiter(effects), now: now}}
}

// Do leaves a managed tenant for later; it stays in the list. Skipping what is
// skipped changes nothing. errs.NotFound "managed_tenant_not_found",
// errs.Conflict "stale_version".
func (u *Skip) Do(ctx context.Context, actor, managedTenantID string, version *int64) (Changed, error) {
	return u.decide(ctx, actor, Decision{ManagedTenantID: managedTenantID, Kind: DecideSkip}, version)
}
