package connection

import (
	"context"
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
func (a *Activation) do(ctx context.Context, tenant, user string, grant Proven, pendingID string) (effectID string, err error) {
	encoded, err := EncodeGrant(grant.Grant)
	if err != nil {
		return "", err
	}
	err = a.Lock.WithGrantLock(ctx, tenant, func(ctx context.Context) error {
		effectID, err = a.write(ctx, tenant, user, grant, encoded, pendingID)
		return err
	})
	return effectID, err
}

func (a *Activation) write(ctx context.Context, tenant, user string, grant Proven, encoded Secret, pendingID string) (effectID string, err error) {
	version, err := a.Secrets.PutSecret(ctx, tenant, SetDirect, encoded)
	if err != nil {
		return "", err
	}
	now := a.Now()
	connection := Connection{
		ID: a.NewID(), Type: Direct, Status: Connected, PartnerTenantID: grant.PartnerTenantID, ClientID: grant.ClientID, Scope: grant.Scope,
		SecretVersion: version, TokenExpiresAt: grant.ExpiresAt, ConnectedBy: user, ConnectedAt: now, LastValidatedAt: now,
	}
	effect := Effect{
		ID: a.NewID(), Tenant: tenant, Actor: user, Kind: EffectConnected,
		Arguments: map[string]string{"connection_id": connection.ID}, CreatedAt: now,
	}
	if err := a.Store.Activate(ctx, tenant, connection, pendingID, effect); err != nil {
		return "", err
	}
	return effect.ID, nil
}
