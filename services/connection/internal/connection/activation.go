package connection

import (
	"context"
	"log/slog"
	"time"
)

// Activation makes a proven grant the tenant's connection.
type Activation struct {
	Store   Store
	Secrets SecretStore
	Lock    GrantLock
	Now     func() time.Time
	NewID   func() string
}

// Proven is a grant that a directory was read with, and the app it was given to.
type Proven struct {
	Grant
	ClientID string
}

// do writes the secret first and then, in one step, the row that points to it,
// which is the commit. If that fails, the new version belongs to nobody and is
// swept, and what was connected before still is. It gives the id of the effect.
func (a *Activation) do(ctx context.Context, tenant, user string, grant Proven, by Arrival) (effectID string, err error) {
	encoded, err := EncodeGrant(grant.Grant)
	if err != nil {
		return "", err
	}
	err = a.Lock.WithGrantLock(ctx, tenant, func(ctx context.Context) error {
		effectID, err = a.write(ctx, tenant, user, encoded, by, Connection{
			Type: Direct, PartnerTenantID: grant.PartnerTenantID, ClientID: grant.ClientID, Scope: grant.Scope, TokenExpiresAt: grant.ExpiresAt,
		})
		return err
	})
	return effectID, err
}

// write stores the secrets and makes the connection the active one. The caller
// holds the grant lock.
func (a *Activation) write(ctx context.Context, tenant, user string, secret Secret, by Arrival, c Connection) (effectID string, err error) {
	if c.SecretVersion, err = a.Secrets.PutSecret(ctx, tenant, SetOf(c.Type), secret); err != nil {
		return "", err
	}
	now := a.Now()
	c.ID, c.Status, c.ConnectedBy, c.ConnectedAt, c.LastValidatedAt = a.NewID(), Connected, user, now, now
	effect := Effect{
		ID: a.NewID(), Tenant: tenant, Actor: user, Kind: EffectConnected,
		Arguments: map[string]string{"connection_id": c.ID}, CreatedAt: now,
	}
	if err := a.Store.Activate(ctx, tenant, c, by, effect); err != nil {
		return "", err
	}
	a.removeOthers(ctx, tenant, c.Type)
	return effect.ID, nil
}

// removeOthers removes the secrets of the other kinds of connections (F045). Where
// they lie in the database they went with the commit. What cannot be removed now
// nothing points to any more: it is swept.
func (a *Activation) removeOthers(ctx context.Context, tenant string, kind Type) {
	for _, set := range providerSets() {
		if set == SetOf(kind) {
			continue
		}
		if err := a.Secrets.DeleteSecret(ctx, tenant, set); err != nil {
			slog.WarnContext(ctx, "the secrets of another kind of connection wait for the sweeper", "set", set, "error", err)
		}
	}
}
