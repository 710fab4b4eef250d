package mapping

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/settle"
)

// Unmap is the use case of ending a mapping.
type Unmap struct{ changer }

// NewUnmap makes the use case.
func NewUnmap(managedTenants ManagedTenants, store ChangeStore, effects Effects, now func() time.Time) *Unmap {
	return &Unmap{changer{managedTenants: managedTenants, store: store, effects: settle.NewWaiter(effects), now: now}}
}

// Do ends a mapping: the managed tenant is undecided again, and the links of
// its contacts wait for a person. It asks discovery for nothing but a count, so that
// a mapping can end while that is down. errs.NotFound "not_mapped", errs.Conflict
// "stale_version".
func (u *Unmap) Do(ctx context.Context, actor, managedTenantID string, version *int64) (Changed, error) {
	at := u.now()
	var ended Mapping
	written, err := u.store.Decide(ctx, actor, at, Ask{ManagedTenantIDs: []string{managedTenantID}, Version: version}, func(now Current) (Verdict, error) {
		found := staleness(version, now, map[string]int{managedTenantID: 0})
		if err := ofRequest().refusal(found); err != nil {
			return Verdict{}, err
		}
		mapped, known := now.Active[managedTenantID]
		if !known || mapped.State != StateMapped {
			return Verdict{}, errNotMapped
		}
		ended = mapped
		ended.DeactivatedBy, ended.DeactivatedAt = actor, &at
		tenant := ManagedTenant{ID: mapped.ManagedTenantID, EntraTenantID: mapped.EntraTenantID}
		return Verdict{Changes: []Change{{Tenant: tenant, State: StateUndecided, Before: &mapped}}}, nil
	})
	if err != nil {
		return Changed{}, err
	}
	return u.changed(ctx, written, managedTenantID, ended), nil
}
