package connection

import (
	"context"
	"strings"

	"github.com/entrasync/entrasync/pkg/errs"
)

// DeleteCredentials removes the tenant's own app registration; that of the
// installation is used from then on, where there is one.
type DeleteCredentials struct {
	Resolver *Resolver
	Pointers CredentialPointers
	Secrets  SecretStore
	Lock     GrantLock
	Store    Store
}

// Do removes the row first, so that nobody looks for the secret, and then every
// version of the secret. Where there is none it changes nothing. It gives the
// source that is used now, empty without one, and whether the grant in use
// belongs to another app than that source's.
func (u *DeleteCredentials) Do(ctx context.Context, caller Caller) (source Source, reconnect bool, err error) {
	err = u.Lock.WithGrantLock(ctx, caller.Tenant, func(ctx context.Context) error {
		app, active, err := appOfGrant(ctx, u.Store, u.Resolver, caller.Tenant)
		if err != nil {
			return err
		}
		if err := u.Pointers.RemoveCredentials(ctx, caller.Tenant); err != nil {
			return err
		}
		if err := u.Secrets.DeleteSecret(ctx, caller.Tenant, SetApp); err != nil {
			return err
		}
		left, err := u.Resolver.Registration(ctx, caller.Tenant)
		if err != nil && errs.ReasonOf(err) != ReasonMissingCredentials {
			return err
		}
		source, reconnect = left.Source, active && !strings.EqualFold(app, left.ClientID)
		return nil
	})
	return source, reconnect, err
}
