package connection

import (
	"context"
	"strings"

	"github.com/entrasync/entrasync/pkg/errs"
)

// DeleteCredentials removes the tenant's own app registration; that of the
// installation is used from then on, where there is one.
type DeleteCredentials struct {
	resolver *Resolver
	pointers CredentialPointers
	secrets  SecretStore
	lock     GrantLock
	store    Store
}

// NewDeleteCredentials makes the use case.
func NewDeleteCredentials(resolver *Resolver, pointers CredentialPointers, secrets SecretStore, lock GrantLock, store Store) *DeleteCredentials {
	return &DeleteCredentials{resolver: resolver, pointers: pointers, secrets: secrets, lock: lock, store: store}
}

// Do removes the row first, so that no caller looks for the secret, and then every
// version of the secret. Where there is none it changes nothing. It gives the
// source that is used now, empty without one, and whether the grant in use
// belongs to another app than that source's.
func (u *DeleteCredentials) Do(ctx context.Context) (source Source, reconnect bool, err error) {
	err = u.lock.WithGrantLock(ctx, func(ctx context.Context) error {
		app, active, err := appOfGrant(ctx, u.store, u.resolver)
		if err != nil {
			return err
		}
		if err := u.pointers.RemoveCredentials(ctx); err != nil {
			return err
		}
		if err := u.secrets.DeleteSecret(ctx, SetApp); err != nil {
			return err
		}
		left, err := u.resolver.Registration(ctx)
		if err != nil && errs.ReasonOf(err) != ReasonMissingCredentials {
			return err
		}
		source, reconnect = left.Source, active && !strings.EqualFold(app, left.ClientID)
		return nil
	})
	return source, reconnect, err
}
