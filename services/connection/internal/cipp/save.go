package cipp

import (
	"context"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/settle"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// save connects through a partner's CIPP (F039, F040, F045).
type save struct {
	access     *access
	activation *connection.Activation
	effects    *settle.Waiter
}

func newSave(a *access, activation *connection.Activation, effects *settle.Waiter) *save {
	return &save{access: a, activation: activation, effects: effects}
}

// Do proves the credentials, stores them and makes CIPP the tenant's connection.
// Without a secret the stored one stays, for the same address and app only: it is
// never sent elsewhere. It reports whether the effects have settled. Reasons:
// base_url_refused, client_secret_required, auth_rejected, unreachable,
// upstream_error.
func (u *save) Do(ctx context.Context, user string, c Credentials) (effects string, err error) {
	if user == "" {
		return "", errs.New(errs.Denied, reason.PersonRequired, "Only a person can connect CIPP.")
	}
	if c, err = c.check(u.access.client); err != nil {
		return "", err
	}
	var kept connection.Connection // whose secret is kept
	if c.ClientSecret == "" {
		if kept, c.ClientSecret, err = u.keep(ctx, c); err != nil {
			return "", err
		}
	}
	if err := u.access.probe(ctx, c); err != nil {
		return "", err
	}
	encoded, err := c.encode()
	if err != nil {
		return "", err
	}
	effect, err := u.activation.Switch(ctx, user, encoded, connection.Connection{
		Type: Type, PartnerTenantID: c.TenantID, ClientID: c.ClientID,
	}, func(ctx context.Context) error { return u.stillKept(ctx, kept) })
	if err != nil {
		return "", err
	}
	return u.effects.Wait(ctx, effect), nil
}

// keep returns the stored secret, if it belongs to the same address and app.
func (u *save) keep(ctx context.Context, c Credentials) (connection.Connection, connection.Secret, error) {
	current, stored, err := u.access.load(ctx)
	if err != nil && connection.ClassOf(err) != connection.Reconnect {
		return connection.Connection{}, "", err
	}
	if err != nil || !stored.sameApp(c) {
		return connection.Connection{}, "", errs.Of(reason.ClientSecretRequired, errs.WithViolation("clientSecret", "must be given"))
	}
	return current, stored.ClientSecret, nil
}

// stillKept refuses to bring a secret back that was replaced or removed while it
// was being proven.
func (u *save) stillKept(ctx context.Context, kept connection.Connection) error {
	if kept.ID == "" {
		return nil
	}
	current, ok, err := u.access.Store.Current(ctx)
	if err != nil {
		return err
	}
	if !ok || !current.Active() || current.ID != kept.ID || current.SecretVersion != kept.SecretVersion {
		return errs.Of(reason.ConnectionChanged)
	}
	return nil
}
