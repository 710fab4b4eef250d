package syncengine

import (
	"context"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// ErrMappingChanged ends work on a managed tenant whose mapping has changed since the
// work began.
var ErrMappingChanged = errs.Of(reason.MappingChanged)

// ErrMappingDiffers refuses a revision that was announced earlier for a different
// client. Only a later revision can say which of the two is right.
var ErrMappingDiffers = errs.Of(reason.MappingDiffers)

// checkMapping asks whether the managed tenant is mapped as it was.
func checkMapping(ctx context.Context, mapping RoundMapping, was MappingRevision) error {
	mapped, ok, err := mapping.MappedTenant(ctx, was.ManagedTenantID)
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
func (t *ManagedTenant) mapping() MappingRevision {
	return MappingRevision{
		ManagedTenantID: t.ManagedTenantID, EntraTenantID: t.EntraTenantID, ClientID: t.MappedClient(), Revision: t.MappingRevision,
	}
}
