package discovery

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// ConsentOutcome is the outcome of an attempt to restore the app's consent in a managed tenant.
type ConsentOutcome string

// The outcomes that matter here.
const (
	ConsentGranted       ConsentOutcome = "granted"                // consent was given, and a request proved it
	ConsentAdminRequired ConsentOutcome = "admin_consent_required" // an administrator of that tenant has to give it
)

// Consent is the connection's answer to such an attempt.
type Consent struct {
	Outcome   ConsentOutcome
	AdminURL  string     // for an administrator of the tenant, where one is required
	ExpiresAt *time.Time // when the answer of that page is no longer accepted
	Problem   *Problem   // why the partner could not do it
}

// Consenter restores the app's consent in managed tenants. Errors carry the
// connection's reason.
type Consenter interface {
	RepairConsent(ctx context.Context, entraTenantID, returnTo string) (Consent, error)
}

// RepairStore reads and writes one managed tenant.
type RepairStore interface {
	// Each is that of ShowStore.
	Each(ctx context.Context, ids []string, each func([]ManagedTenant) error) error
	// Refresh writes what a managed tenant's own directory said outside a
	// discovery: domains, count, state and problem, and the primary domain where
	// none was known. The rest, and whether it is gone, comes from listings
	// alone.
	Refresh(ctx context.Context, found Found) error
}

// RepairConsent is the use case of repairing the app's consent in a managed tenant.
type RepairConsent struct {
	consenter Consenter
	reader    *Discover
	store     RepairStore
}

// NewRepairConsent makes the use case, which reads directories as Discover does.
func NewRepairConsent(consenter Consenter, reader *Discover, store RepairStore) *RepairConsent {
	return &RepairConsent{consenter: consenter, reader: reader, store: store}
}

// Do restores the app's consent in a managed tenant, reads the tenant again and
// returns it as it is afterwards. errs.NotFound for an unknown one,
// errs.Precondition "managed_tenant_gone" for one that is no longer managed.
func (r *RepairConsent) Do(ctx context.Context, id, returnTo string) (Consent, ManagedTenant, error) {
	tenant, err := r.load(ctx, id)
	if err != nil {
		return Consent{}, ManagedTenant{}, err
	}
	if tenant.State == StateGone {
		return Consent{}, ManagedTenant{}, errs.Of(reason.ManagedTenantGone,
			errs.WithMetadata("remedy", "Renew the delegated admin relationship and discover again."))
	}
	consent, err := r.consenter.RepairConsent(ctx, tenant.EntraTenantID, returnTo)
	if err != nil || consent.Outcome != ConsentGranted {
		return consent, tenant, err
	}
	found := Found{ID: tenant.ID, EntraTenantID: tenant.EntraTenantID}
	if err := r.reader.readOne(ctx, &found); err != nil {
		return Consent{}, ManagedTenant{}, err
	}
	if err := r.store.Refresh(ctx, found); err != nil {
		return Consent{}, ManagedTenant{}, err
	}
	tenant, err = r.load(ctx, id)
	return consent, tenant, err
}

func (r *RepairConsent) load(ctx context.Context, id string) (tenant ManagedTenant, err error) {
	known := false
	err = r.store.Each(ctx, []string{id}, func(part []ManagedTenant) error {
		for _, t := range part {
			tenant, known = t, true
		}
		return nil
	})
	if err == nil && !known {
		err = errs.Of(reason.ManagedTenantNotFound)
	}
	return tenant, err
}
