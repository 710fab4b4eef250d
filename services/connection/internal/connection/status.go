package connection

import (
	"context"

	"github.com/entrasync/entrasync/pkg/errs"
)

// Overview is the state of a tenant's connection as it is shown.
type Overview struct {
	Connection       // zero but for the status when there never was one
	CredentialSource Source
	CustomerAccess   CustomerAccess // empty without credentials
	SecretStore      *Problem       // why secrets cannot be kept or read just now; nil: they can
}

// Show tells the state of the connection (F043).
type Show struct {
	Store       Store
	Credentials *Resolver
	SecretStore SecretStoreWatch // nil where secrets are kept in the database
}

// Do reads the state. It opens no secret.
func (u *Show) Do(ctx context.Context, tenant string) (Overview, error) {
	current, ok, err := u.Store.Current(ctx, tenant)
	if err != nil {
		return Overview{}, err
	}
	if !ok {
		current = Connection{Status: NotConnected}
	}
	app, err := u.Credentials.Registration(ctx, tenant)
	if err != nil && errs.ReasonOf(err) != ReasonMissingCredentials {
		return Overview{}, err
	}
	overview := Overview{Connection: current, CredentialSource: app.Source, CustomerAccess: app.CustomerAccess}
	if u.SecretStore != nil {
		overview.SecretStore = u.SecretStore.Problem()
	}
	return overview, nil
}
