package connection

import (
	"context"
	"fmt"

	"github.com/entrasync/entrasync/pkg/errs"
)

// AppInUse is the version of its own app registration that a tenant uses, and what
// of it is no secret: empty where an older version of the service set it.
type AppInUse struct {
	Version        string
	ClientID       string
	CustomerAccess CustomerAccess
}

// CredentialPointers keeps which app registration of its own a tenant uses.
type CredentialPointers interface {
	// AppInUse is zero where the tenant has none of its own.
	AppInUse(ctx context.Context) (AppInUse, error)
	// PointCredentials makes one the one in use.
	PointCredentials(ctx context.Context, app AppInUse, user string) error
	// RemoveCredentials leaves the tenant without one of its own.
	RemoveCredentials(ctx context.Context) error
}

// TenantCredentials are the app registrations that tenants set themselves.
type TenantCredentials struct {
	pointers CredentialPointers
	secrets  SecretStore
}

// NewTenantCredentials makes the source.
func NewTenantCredentials(pointers CredentialPointers, secrets SecretStore) TenantCredentials {
	return TenantCredentials{pointers: pointers, secrets: secrets}
}

// Credentials returns the tenant's own app registration; zero where it has none.
func (s TenantCredentials) Credentials(ctx context.Context) (Credentials, error) {
	var gone error
	for range 3 {
		app, err := s.pointers.AppInUse(ctx)
		if err != nil || app.Version == "" {
			return Credentials{}, err
		}
		encoded, err := s.secrets.GetSecret(ctx, SetApp, app.Version)
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

// Registration names the tenant's own app without opening its secret, which may be
// out of reach; zero where it has none.
func (s TenantCredentials) Registration(ctx context.Context) (Registration, error) {
	app, err := s.pointers.AppInUse(ctx)
	if err != nil || app.Version == "" || app.ClientID != "" {
		return Registration{ClientID: app.ClientID, CustomerAccess: app.CustomerAccess}, err
	}
	credentials, err := s.Credentials(ctx) // set before rows said so
	return credentials.registration(), err
}
