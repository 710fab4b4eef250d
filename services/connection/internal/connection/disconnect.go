package connection

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/settle"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
)

// Disconnect ends the tenant's connection (F044).
type Disconnect struct {
	store   Store
	secrets SecretStore
	lock    GrantLock
	kinds   *Kinds
	effects *settle.Waiter
	now     func() time.Time
	newID   func() string
}

// NewDisconnect makes the use case; newID returns a UUID of version 7.
func NewDisconnect(
	store Store, secrets SecretStore, lock GrantLock, kinds *Kinds, effects *settle.Waiter, now func() time.Time, newID func() string,
) *Disconnect {
	return &Disconnect{store: store, secrets: secrets, lock: lock, kinds: kinds, effects: effects, now: now, newID: newID}
}

// Do removes every provider secret and keeps all history. Disconnecting what is
// not connected changes nothing and returns the status as it is.
func (u *Disconnect) Do(ctx context.Context, caller Caller) (status Status, effects string, err error) {
	now := u.now()
	effect := Effect{ID: u.newID(), Actor: caller.User, Kind: effectkind.ConnectionDisconnected, CreatedAt: now}
	var ended bool
	err = u.lock.WithGrantLock(ctx, func(ctx context.Context) error {
		ended, err = u.end(ctx, caller, now, effect)
		return err
	})
	if err != nil {
		return "", "", err
	}
	if !ended {
		current, ok, err := u.store.Current(ctx)
		if err != nil {
			return "", "", err
		}
		if !ok {
			return NotConnected, settle.Settled, nil
		}
		return current.Status, settle.Settled, nil
	}
	return Disconnected, u.effects.Wait(ctx, effect.ID), nil
}

// end commits the disconnect first: from then on no caller uses the secrets.
func (u *Disconnect) end(ctx context.Context, caller Caller, now time.Time, effect Effect) (ended bool, err error) {
	ended, err = u.store.End(ctx, caller.User, now, effect)
	if err != nil {
		return false, err
	}
	u.kinds.forget(ctx)
	if !ended {
		if _, ok, err := u.store.Current(ctx); err != nil || !ok {
			return false, err // there never was a connection
		}
	}
	// Also when nothing was active: an earlier disconnect may have been cut off
	// here. The sweeper would do it too, later.
	for _, set := range u.kinds.sets() {
		if err := u.secrets.DeleteSecret(ctx, set); err != nil {
			return false, secretsRemain(fmt.Errorf("removing the secrets of %s: %w", set, err))
		}
	}
	return ended, nil
}

// secretsRemain is the failure of a disconnect that has ended the connection and could
// not remove its secrets: it is not done before they are gone.
func secretsRemain(cause error) error {
	e, ok := errors.AsType[*errs.Error](cause)
	if !ok || !strings.HasPrefix(e.Reason(), SecretStoreReasons) {
		return cause
	}
	return errs.Wrap(cause, e.Kind(), e.Reason(),
		"The connection has ended and nobody uses it any more, but its secrets are still in the secret store. They are removed when the store works again. "+e.Public(),
		errs.WithRetryAfter(e.RetryAfter()))
}
