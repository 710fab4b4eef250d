package connection

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
)

// CIPPAccess opens the CIPP of tenants that are connected through it.
type CIPPAccess struct {
	Store       Store
	Secrets     SecretStore
	Directories CIPPDirectories
	Identity    ResourceIdentity
	Now         func() time.Time

	minting keyedMutex
	mu      sync.Mutex
	tokens  map[cippKey]Token
}

// cippKey names a kept token. The version of the secret is part of it, so that a
// token never outlives what it was got with.
type cippKey struct{ tenant, connection, version string }

// load reads the active CIPP connection and its credentials.
func (a *CIPPAccess) load(ctx context.Context, tenant string) (Connection, CIPPCredentials, error) {
	current, encoded, err := loadSet(ctx, a.Store, a.Secrets, tenant, CIPP)
	if err != nil {
		return Connection{}, CIPPCredentials{}, err
	}
	credentials, err := DecodeCIPP(encoded)
	return current, credentials, err
}

// open gives the way through the tenant's CIPP. Its address is checked again: what
// is allowed may have changed since it was saved.
func (a *CIPPAccess) open(ctx context.Context, tenant string) (access, error) {
	current, credentials, err := a.load(ctx, tenant)
	if err != nil {
		return access{}, err
	}
	provider, err := a.Directories.OpenCIPP(credentials)
	if err != nil {
		return access{}, err
	}
	tokens := cippTokens{access: a, tenant: tenant, connection: current, credentials: credentials}
	return access{
		provider: provider, partner: tokens,
		customer: func(string) TokenSource { return tokens }, // CIPP itself holds what opens a managed tenant
		prove: func(ctx context.Context) error {
			a.forget(tenant)
			_, err := tokens.Token(ctx)
			return err
		},
	}, nil
}

// probe proves credentials that are not stored yet.
func (a *CIPPAccess) probe(ctx context.Context, c CIPPCredentials) error {
	provider, err := a.Directories.OpenCIPP(c)
	if err != nil {
		return err
	}
	_, err = provider.Probe(ctx, freshCIPPToken{a, c})
	return err
}

// fetch asks for a token. What does not pass by itself is for the partner to mend.
func (a *CIPPAccess) fetch(ctx context.Context, c CIPPCredentials) (Token, error) {
	token, err := a.Identity.ResourceToken(ctx, Credentials{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, TenantID: c.TenantID,
	}, "api://"+c.ClientID+"/.default")
	if err == nil || ctx.Err() != nil || ClassOf(err) == Retry {
		return token, err
	}
	failure := Failure{
		Reason: ReasonAuthRejected, Class: Reconnect, Message: "Microsoft refuses to sign in to CIPP.",
		Remedy:    "Save CIPP again with the tenant, the client id and a valid client secret of its API client.",
		RequestID: RequestIDOf(err),
	}
	if e, ok := errors.AsType[*errs.Error](err); ok {
		failure.Message = join(failure.Message, e.Public())
	}
	return Token{}, failure.Err(err)
}

func (a *CIPPAccess) cached(key cippKey, rejected Secret) (Secret, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	token := a.tokens[key]
	ok := token.Value != "" && token.Value != rejected && a.Now().Add(refreshMargin).Before(token.ExpiresAt)
	return token.Value, ok
}

// keep keeps a token in place of all others of the tenant.
func (a *CIPPAccess) keep(key cippKey, token Token) {
	a.forget(key.tenant)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tokens == nil {
		a.tokens = map[cippKey]Token{}
	}
	a.tokens[key] = token
}

// forget drops the kept tokens of a tenant.
func (a *CIPPAccess) forget(tenant string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key := range a.tokens {
		if key.tenant == tenant {
			delete(a.tokens, key)
		}
	}
}

// cippTokens are tokens of a stored connection, fetched by one caller at a time
// and kept until shortly before they end.
type cippTokens struct {
	access      *CIPPAccess
	tenant      string
	connection  Connection
	credentials CIPPCredentials
}

// Token gives a token that is not about to expire.
func (c cippTokens) Token(ctx context.Context) (Secret, error) { return c.Renew(ctx, "") }

// Renew gives another token than the one that was rejected.
func (c cippTokens) Renew(ctx context.Context, rejected Secret) (Secret, error) {
	key := cippKey{c.tenant, c.connection.ID, c.connection.SecretVersion}
	if token, ok := c.access.cached(key, rejected); ok {
		return token, nil
	}
	unlock, err := c.access.minting.lock(ctx, c.tenant)
	if err != nil {
		return "", err
	}
	defer unlock()
	if token, ok := c.access.cached(key, rejected); ok {
		return token, nil
	}
	token, err := c.access.fetch(ctx, c.credentials)
	if err != nil {
		c.refused(ctx, err)
		return "", err
	}
	c.access.keep(key, token)
	return token.Value, nil
}

// refused marks the connection as failed where the app itself is refused.
func (c cippTokens) refused(ctx context.Context, cause error) {
	if ClassOf(cause) != Reconnect {
		return
	}
	snapshot := snapshotOf(errs.ReasonOf(cause), cause, c.access.Now())
	if err := c.access.Store.RecordFailed(ctx, c.tenant, c.connection.ID, c.connection.SecretVersion, snapshot); err != nil {
		slog.WarnContext(ctx, "refused credentials of CIPP could not be recorded", "error", err)
	}
}

// freshCIPPToken fetches tokens for credentials that are stored nowhere.
type freshCIPPToken struct {
	access      *CIPPAccess
	credentials CIPPCredentials
}

// Token fetches a token.
func (f freshCIPPToken) Token(ctx context.Context) (Secret, error) {
	token, err := f.access.fetch(ctx, f.credentials)
	return token.Value, err
}

// Renew fetches another one.
func (f freshCIPPToken) Renew(ctx context.Context, _ Secret) (Secret, error) { return f.Token(ctx) }
