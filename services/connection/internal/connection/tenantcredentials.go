package connection

import (
	"context"
	"fmt"

	"github.com/entrasync/entrasync/pkg/errs"
)

// CredentialPointers keeps which version of its own app registration a tenant
// uses.
type CredentialPointers interface {
	// CredentialVersion is empty where the tenant has none of its own.
	CredentialVersion(ctx context.Context, tenant string) (version string, err error)
	// PointCredentials makes a version the one in use.
	PointCredentials(ctx context.Context, tenant, version, user string) error
	// RemoveCredentials leaves the tenant without one of its own.
	RemoveCredentials(ctx context.Context, tenant string) error
}

// TenantCredentials are the app registrations that tenants set themselves.
type TenantCredentials struct {
	Pointers CredentialPointers
	Secrets  SecretStore
}

// Credentials gives the tenant's own app registration; zero where it has none.
func (s TenantCredentials) Credentials(ctx context.Context, tenant string) (Credentials, error) {
	var gone error
	for range 3 {
		version, err := s.Pointers.CredentialVersion(ctx, tenant)
		if err != nil || version == "" {
			return Credentials{}, err
		}
		encoded, err := s.Secrets.GetSecret(ctx, tenant, SetApp, version)
		if errs.KindOf(err) == errs.NotFound {
			gone = err
			continue // replaced and swept between the two reads
		}
		if err != nil {
			return Credentials{}, err
		}
		return DecodeCredentials(encoded)
	}
	return Credentials{}, fmt.Errorf("the app registration in use is not there: %w", gone)
}
