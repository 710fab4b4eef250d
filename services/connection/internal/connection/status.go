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
}

// Show tells the state of the connection (F043).
type Show struct {
	Store       Store
	Credentials *Resolver
}

// Do reads the state.
func (u *Show) Do(ctx context.Context, tenant string) (Overview, error) {
	current, ok, err := u.Store.Current(ctx, tenant)
	if err != nil {
		return Overview{}, err
	}
	if !ok {
		current = Connection{Status: NotConnected}
	}
	credentials, err := u.Credentials.Resolve(ctx, tenant)
	if err != nil && errs.ReasonOf(err) != ReasonMissingCredentials {
		return Overview{}, err
	}
	overview := Overview{Connection: current, CredentialSource: credentials.Source}
	if credentials.Complete() {
		overview.CustomerAccess = credentials.Access()
	}
	return overview, nil
}
