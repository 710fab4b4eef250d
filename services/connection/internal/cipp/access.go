package cipp

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// access opens the CIPP of tenants that are connected through it.
type access struct {
	connection.Foundation
	client *Client

	minting connection.KeyedMutex
	mu      sync.Mutex
	tokens  map[tokenKey]connection.Token
}

func newAccess(client *Client, f connection.Foundation) *access {
	return &access{Foundation: f, client: client, tokens: map[tokenKey]connection.Token{}}
}

// tokenKey names a kept token. The version of the secret is part of it, so that a
// token never outlives what it was got with.
type tokenKey struct {
	tenant              tenant.ID
	connection, version string
}

// load reads the active connection through CIPP and its credentials.
func (a *access) load(ctx context.Context) (connection.Connection, Credentials, error) {
	current, encoded, err := connection.LoadSet(ctx, a.Store, a.Secrets, Type)
	if err != nil {
		return connection.Connection{}, Credentials{}, err
	}
	credentials, err := decode(encoded)
	return current, credentials, err
}

// open returns access through the tenant's CIPP. Its address is checked again: what
// is allowed may have changed since it was saved.
func (a *access) open(ctx context.Context) (connection.Access, error) {
	current, credentials, err := a.load(ctx)
	if err != nil {
		return connection.Access{}, err
	}
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return connection.Access{}, err
	}
	provider, err := a.client.Open(credentials)
	if err != nil {
		return connection.Access{}, err
	}
	tokens := storedTokens{access: a, key: tokenKey{id, current.ID, current.SecretVersion}, credentials: credentials}
	return connection.Access{
		Provider: provider, Partner: tokens,
		Customer: func(string) connection.TokenSource { return tokens }, // CIPP itself holds what opens a managed tenant
		Prove: func(ctx context.Context) error {
			a.forget(id)
			_, err := tokens.Token(ctx)
			return err
		},
	}, nil
}

// probe proves credentials that are not stored yet.
func (a *access) probe(ctx context.Context, c Credentials) error {
	provider, err := a.client.Open(c)
	if err != nil {
		return err
	}
	_, err = provider.Probe(ctx, freshTokens{a, c})
	return err
}

// fetch asks for a token. What does not pass by itself is for the partner to mend.
func (a *access) fetch(ctx context.Context, c Credentials) (connection.Token, error) {
	token, err := a.Identity.ResourceToken(ctx, connection.Credentials{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, TenantID: c.TenantID,
	}, "api://"+c.ClientID+"/.default")
	if err == nil || ctx.Err() != nil || connection.ClassOf(err) == connection.Retry {
		return token, err
	}
	failure := connection.Failure{
		Reason: connection.ReasonAuthRejected, Class: connection.Reconnect, Message: "Microsoft refuses to sign in to CIPP.",
		Remedy:    "Save CIPP again with the tenant, the client id and a valid client secret of its API client.",
		RequestID: connection.RequestIDOf(err),
	}
	if e, ok := errors.AsType[*errs.Error](err); ok && e.Public() != "" {
		failure.Message += " " + e.Public()
	}
	return connection.Token{}, failure.Err(err)
}

func (a *access) cached(key tokenKey, rejected connection.Secret) (connection.Secret, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	token := a.tokens[key]
	ok := token.Value != "" && token.Value != rejected && a.Now().Add(connection.RefreshMargin).Before(token.ExpiresAt)
	return token.Value, ok
}

// keep keeps a token in place of all others of the tenant.
func (a *access) keep(key tokenKey, token connection.Token) {
	a.forget(key.tenant)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens[key] = token
}

// forget drops the kept tokens of a tenant.
func (a *access) forget(id tenant.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key := range a.tokens {
		if key.tenant == id {
			delete(a.tokens, key)
		}
	}
}

// storedTokens are tokens of a stored connection, fetched by one caller at a time
// and kept until shortly before they end.
type storedTokens struct {
	access      *access
	key         tokenKey
	credentials Credentials
}

// Token returns a token that is not about to expire.
func (s storedTokens) Token(ctx context.Context) (connection.Secret, error) { return s.Renew(ctx, "") }

// Renew returns another token than the one that was rejected.
func (s storedTokens) Renew(ctx context.Context, rejected connection.Secret) (connection.Secret, error) {
	if token, ok := s.access.cached(s.key, rejected); ok {
		return token, nil
	}
	unlock, err := s.access.minting.Lock(ctx, s.key.tenant.String())
	if err != nil {
		return "", err
	}
	defer unlock()
	if token, ok := s.access.cached(s.key, rejected); ok {
		return token, nil
	}
	token, err := s.access.fetch(ctx, s.credentials)
	if err != nil {
		s.refused(ctx, err)
		return "", err
	}
	s.access.keep(s.key, token)
	return token.Value, nil
}

// refused marks the connection as failed where the app itself is refused.
func (s storedTokens) refused(ctx context.Context, cause error) {
	if connection.ClassOf(cause) != connection.Reconnect {
		return
	}
	snapshot := connection.SnapshotOf(errs.ReasonOf(cause), cause, s.access.Now())
	if err := s.access.Store.RecordFailed(ctx, s.key.connection, s.key.version, snapshot); err != nil {
		slog.WarnContext(ctx, "refused credentials of CIPP could not be recorded", "error", err)
	}
}

// freshTokens fetches tokens for credentials that are stored nowhere.
type freshTokens struct {
	access      *access
	credentials Credentials
}

// Token fetches a token.
func (f freshTokens) Token(ctx context.Context) (connection.Secret, error) {
	token, err := f.access.fetch(ctx, f.credentials)
	return token.Value, err
}

// Renew fetches another one.
func (f freshTokens) Renew(ctx context.Context, _ connection.Secret) (connection.Secret, error) {
	return f.Token(ctx)
}
