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

// Show returns the state of the connection (F043).
type Show struct {
	store       Store
	credentials *Resolver
	secretStore SecretStoreWatch // nil where secrets are kept in the database
}

// NewShow makes the use case; watch is nil where secrets are kept in the database.
func NewShow(store Store, credentials *Resolver, watch SecretStoreWatch) *Show {
	return &Show{store: store, credentials: credentials, secretStore: watch}
}

// Do reads the state. It opens no secret.
func (u *Show) Do(ctx context.Context) (Overview, error) {
	current, ok, err := u.store.Current(ctx)
	if err != nil {
		return Overview{}, err
	}
	if !ok {
		current = Connection{Status: NotConnected}
	}
	app, err := u.credentials.Registration(ctx)
	if err != nil && errs.ReasonOf(err) != ReasonMissingCredentials {
		return Overview{}, err
	}
	overview := Overview{Connection: current, CredentialSource: app.Source, CustomerAccess: app.CustomerAccess}
	if u.secretStore != nil {
		overview.SecretStore = u.secretStore.Problem()
	}
	return overview, nil
}
