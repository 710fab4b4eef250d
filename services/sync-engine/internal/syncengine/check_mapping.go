package syncengine

import (
	"context"

	"github.com/entrasync/entrasync/pkg/errs"
)

// ErrMappingChanged ends work on a managed tenant whose mapping is another one by
// now.
var ErrMappingChanged = errs.New(errs.Precondition, "mapping_changed", "The mapping of the managed tenant changed meanwhile.")

// checkMapping asks whether the managed tenant is mapped as it was.
func checkMapping(ctx context.Context, mapping RoundMapping, was MappingRevision) error {
	mapped, ok, err := mapping.Tenant(ctx, was.ManagedTenantID)
	if err != nil {
		return err
	}
	if !ok && was.ClientID == "" {
		return nil
	}
	if !ok || mapped.Revision != was.Revision || mapped.ClientID != was.ClientID {
		return ErrMappingChanged
	}
	return nil
}

// mapping is the one that the run covers the tenant by.
func (t *RunTenant) mapping() MappingRevision {
	return MappingRevision{
		ManagedTenantID: t.ManagedTenantID, EntraTenantID: t.EntraTenantID, ClientID: t.ClientID, Revision: t.MappingRevision,
	}
}
