package connection

import (
	"context"
	"strings"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// CIPPCredentials say where a partner's CIPP answers and how to sign in to it.
type CIPPCredentials struct {
	BaseURL      string
	TenantID     string // the partner's own Entra tenant, by id or domain
	ClientID     string // of the CIPP API's own app registration
	ClientSecret Secret
}

// sameApp tells whether both are the same address and the same app there.
func (c CIPPCredentials) sameApp(other CIPPCredentials) bool {
	c.ClientSecret, other.ClientSecret = "", ""
	return c == other
}

// CIPPDirectories gives providers that read through a partner's CIPP.
type CIPPDirectories interface {
	// CheckBaseURL gives the address in its one form; errs.Invalid
	// "base_url_refused" for one that nothing is asked at.
	CheckBaseURL(raw string) (string, error)
	// OpenCIPP gives a provider for the CIPP at a checked address.
	OpenCIPP(c CIPPCredentials) (Provider, error)
}

// ResourceIdentity gives an app its own token for an API.
type ResourceIdentity interface {
	// ResourceToken asks at the authority that the credentials name.
	ResourceToken(ctx context.Context, c Credentials, scope string) (Token, error)
}

// check gives the credentials with their address in its one form.
func (c CIPPCredentials) check(directories CIPPDirectories) (CIPPCredentials, error) {
	var err error
	if c.BaseURL, err = directories.CheckBaseURL(c.BaseURL); err != nil {
		return c, err
	}
	c.TenantID, c.ClientID = strings.ToLower(c.TenantID), strings.ToLower(c.ClientID)
	return c, CheckAuthority(c.TenantID)
}

// SaveCIPP connects through a partner's CIPP (F039, F040, F045).
type SaveCIPP struct {
	Access     *CIPPAccess
	Activation *Activation
	Settling   *Settling
	Tokens     *Tokens
}

// Do proves the credentials, stores them and makes CIPP the tenant's connection.
// Without a secret the stored one stays, for the same address and app only: it is
// never sent elsewhere. It tells whether the effects have settled. Reasons:
// base_url_refused, client_secret_required, auth_rejected, unreachable,
// upstream_error.
func (u *SaveCIPP) Do(ctx context.Context, caller Caller, c CIPPCredentials) (effects string, err error) {
	if caller.User == "" {
		return "", errs.New(errs.Denied, reason.PersonRequired, "Only a person can connect CIPP.")
	}
	if c, err = c.check(u.Access.Directories); err != nil {
		return "", err
	}
	var kept Connection // whose secret is kept
	if c.ClientSecret == "" {
		if kept, c.ClientSecret, err = u.keep(ctx, caller.Tenant, c); err != nil {
			return "", err
		}
	}
	if err := u.Access.probe(ctx, c); err != nil {
		return "", err
	}
	encoded, err := EncodeCIPP(c)
	if err != nil {
		return "", err
	}
	var effect string
	err = u.Activation.Lock.WithGrantLock(ctx, caller.Tenant, func(ctx context.Context) error {
		if err := u.stillKept(ctx, caller.Tenant, kept); err != nil {
			return err
		}
		effect, err = u.Activation.write(ctx, caller.Tenant, caller.User, encoded, Arrival{}, Connection{
			Type: CIPP, PartnerTenantID: c.TenantID, ClientID: c.ClientID,
		})
		return err
	})
	if err != nil {
		return "", err
	}
	u.Tokens.forget(caller.Tenant)
	u.Access.forget(caller.Tenant)
	return u.Settling.wait(ctx, effect), nil
}

// keep gives the stored secret, if it belongs to the same address and app.
func (u *SaveCIPP) keep(ctx context.Context, tenant string, c CIPPCredentials) (Connection, Secret, error) {
	current, stored, err := u.Access.load(ctx, tenant)
	if err != nil && ClassOf(err) != Reconnect {
		return Connection{}, "", err
	}
	if err != nil || !stored.sameApp(c) {
		return Connection{}, "", errs.New(errs.Invalid, reason.ClientSecretRequired, "There is no stored secret for this address and app.",
			errs.WithViolation("clientSecret", "must be given"))
	}
	return current, stored.ClientSecret, nil
}

// stillKept refuses to bring a secret back that was replaced or removed while it
// was being proven.
func (u *SaveCIPP) stillKept(ctx context.Context, tenant string, kept Connection) error {
	if kept.ID == "" {
		return nil
	}
	current, ok, err := u.Activation.Store.Current(ctx, tenant)
	if err != nil {
		return err
	}
	if !ok || !current.Active() || current.ID != kept.ID || current.SecretVersion != kept.SecretVersion {
		return errs.New(errs.Conflict, reason.ConnectionChanged, "The connection was changed meanwhile.")
	}
	return nil
}
