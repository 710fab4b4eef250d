package connection

import (
	"context"
	"log/slog"
	"time"

	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
)

// Activation makes a proven grant, or the secrets of another kind, the tenant's
// connection.
type Activation struct {
	store   Store
	secrets SecretStore
	lock    GrantLock
	kinds   *Kinds
	now     func() time.Time
	newID   func() string
}

// NewActivation makes the part of use cases that connect; newID returns a UUID of version 7.
func NewActivation(store Store, secrets SecretStore, lock GrantLock, kinds *Kinds, now func() time.Time, newID func() string) *Activation {
	return &Activation{store: store, secrets: secrets, lock: lock, kinds: kinds, now: now, newID: newID}
}

// Proven is a grant that a directory was read with, and the app it was given to.
type Proven struct {
	Grant
	ClientID string
}

// do writes the secret first and then, in one step, the row that points to it,
// which is the commit. If that fails, nothing points to the new version and it is
// swept, and what was connected before still is. It gives the id of the effect.
func (a *Activation) do(ctx context.Context, user string, grant Proven, by Arrival) (effectID string, err error) {
	encoded, err := EncodeGrant(grant.Grant)
	if err != nil {
		return "", err
	}
	c := Connection{Type: Direct, PartnerTenantID: grant.PartnerTenantID, ClientID: grant.ClientID, Scope: grant.Scope}
	if !grant.ExpiresAt.IsZero() {
		c.TokenExpiresAt = &grant.ExpiresAt
	}
	err = a.lock.WithGrantLock(ctx, func(ctx context.Context) error {
		effectID, err = a.write(ctx, user, encoded, by, c)
		return err
	})
	return effectID, err
}

// Switch makes a connection of the kind that c names the tenant's, unless check,
// which is asked while no other caller replaces secrets, refuses. It gives the id of the
// effect.
func (a *Activation) Switch(ctx context.Context, user string, secret Secret, c Connection, check func(ctx context.Context) error) (effectID string, err error) {
	err = a.lock.WithGrantLock(ctx, func(ctx context.Context) error {
		if err := check(ctx); err != nil {
			return err
		}
		effectID, err = a.write(ctx, user, secret, Arrival{}, c)
		return err
	})
	if err == nil {
		a.kinds.forget(ctx)
	}
	return effectID, err
}

// write stores the secrets and makes the connection the active one. The caller
// holds the grant lock.
func (a *Activation) write(ctx context.Context, user string, secret Secret, by Arrival, c Connection) (effectID string, err error) {
	if c.SecretVersion, err = a.secrets.PutSecret(ctx, SetOf(c.Type), secret); err != nil {
		return "", err
	}
	now := a.now()
	c.ID, c.Status, c.ConnectedBy, c.ConnectedAt, c.LastValidatedAt = a.newID(), Connected, user, now, &now
	effect := Effect{
		ID: a.newID(), Actor: user, Kind: effectkind.ConnectionConnected, Arguments: map[string]string{"connection_id": c.ID}, CreatedAt: now,
	}
	if err := a.store.Activate(ctx, c, by, effect); err != nil {
		return "", err
	}
	a.removeOthers(ctx, c.Type)
	return effect.ID, nil
}

// removeOthers removes the secrets of the other kinds of connections (F045). Where
// they lie in the database they went with the commit. What cannot be removed now
// nothing points to any more: it is swept.
func (a *Activation) removeOthers(ctx context.Context, kind Type) {
	for _, set := range a.kinds.sets() {
		if set == SetOf(kind) {
			continue
		}
		if err := a.secrets.DeleteSecret(ctx, set); err != nil {
			slog.WarnContext(ctx, "the secrets of another kind of connection wait for the sweeper", "set", set, "error", err)
		}
	}
}
