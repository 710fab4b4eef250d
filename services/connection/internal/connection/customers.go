package connection

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/tenant"
)

// customerKey names a cached token. What it was got with is part of it, so that
// a token never outlives the connection, the app or the consent behind it, on
// any replica.
type customerKey struct {
	tenant        tenant.ID
	connection    string
	epoch         int64
	clientID      string
	access        CustomerAccess
	managedTenant string
}

// customerCache keeps access tokens of managed tenants in memory.
type customerCache struct {
	mu     sync.Mutex
	tokens map[customerKey]Token
}

func (c *customerCache) get(key customerKey) Token {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tokens[key]
}

// looks is how many kept tokens, by chance, are looked at for each new one.
const looks = 8

// put keeps a token and removes some that have expired: the more there are, the
// more are found.
func (c *customerCache) put(key customerKey, token Token, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tokens == nil {
		c.tokens = map[customerKey]Token{}
	}
	looked := 0
	for k, t := range c.tokens {
		if looked++; looked > looks {
			break
		}
		if !now.Before(t.ExpiresAt) {
			delete(c.tokens, k)
		}
	}
	c.tokens[key] = token
}

// Customer returns tokens for a managed tenant's own authority, minted from the
// partner's refresh token or, in app-only mode, for the app itself. They never
// replace the partner's own, and a failure here says nothing about the partner's
// connection.
//
// A managed tenant is named by its id alone, as every list of them gives it: names
// like "common" stand for many tenants. Ids have no case.
func (t *Tokens) Customer(managedTenant string) TokenSource {
	return customerTokens{t, strings.ToLower(managedTenant)}
}

// checkManaged refuses what is not a tenant's id.
func checkManaged(managedTenant string) error {
	if entraTenant.MatchString(managedTenant) {
		return nil
	}
	return Failure{
		Reason: ReasonTenantGone, Class: Customer, Message: "This is not the id of a managed tenant.",
		Remedy: "Name the tenant by its id, as it stands in the list of managed tenants.",
	}.Err(nil)
}

type customerTokens struct {
	tokens        *Tokens
	managedTenant string
}

func (c customerTokens) Token(ctx context.Context) (Secret, error) { return c.Renew(ctx, "") }

func (c customerTokens) Renew(ctx context.Context, rejected Secret) (Secret, error) {
	if err := checkManaged(c.managedTenant); err != nil {
		return "", err
	}
	owner, err := tenant.IDFrom(ctx)
	if err != nil {
		return "", err
	}
	t := c.tokens
	// A token that is kept needs no secret: it is good while their store is sealed.
	connection, err := t.active(ctx)
	if err != nil {
		return "", err
	}
	app, err := t.credentials.Registration(ctx)
	if err != nil {
		return "", err
	}
	if err := c.allowed(ctx, connection, app.CustomerAccess); err != nil {
		return "", err
	}
	key := c.key(owner, connection, app)
	if token, ok := t.cached(key, rejected); ok {
		return token, nil
	}
	unlock, err := t.minting.Lock(ctx, "customer:"+owner.String()+":"+c.managedTenant)
	if err != nil {
		return "", err
	}
	defer unlock()
	if token, ok := t.cached(key, rejected); ok {
		return token, nil
	}
	connection, grant, err := t.load(ctx)
	if err != nil {
		return "", err
	}
	var token Token
	err = t.credentials.With(ctx, func(credentials Credentials) error {
		key = c.key(owner, connection, credentials.registration())
		token, err = c.mint(ctx, connection, grant, credentials)
		return err
	})
	if err != nil {
		return "", err
	}
	t.customers.put(key, token, t.now())
	return token.Value, nil
}

func (c customerTokens) key(owner tenant.ID, connection Connection, app Registration) customerKey {
	return customerKey{owner, connection.ID, connection.CustomerEpoch, app.ClientID, app.CustomerAccess, c.managedTenant}
}

// allowed refuses what the partner does not manage. In app-only mode nothing at
// Microsoft ties the managed tenant to this partner, so the partner's own list has
// to; a token is valid for longer than the list is used (listLife), so a cached one is no answer.
func (c customerTokens) allowed(ctx context.Context, connection Connection, access CustomerAccess) error {
	if access != AppOnly {
		return nil
	}
	return c.tokens.mustManage(ctx, connection.ID, c.managedTenant)
}

// mint asks for a fresh token, by credentials that may be newer than those that
// were asked about before.
func (c customerTokens) mint(ctx context.Context, connection Connection, grant Grant, credentials Credentials) (Token, error) {
	if credentials.Access() != AppOnly {
		return c.tokens.delegatedToken(ctx, grant, credentials, c.managedTenant)
	}
	if err := c.allowed(ctx, connection, AppOnly); err != nil {
		return Token{}, err
	}
	return c.tokens.identity.AppToken(ctx, credentials, c.managedTenant)
}

func (t *Tokens) cached(key customerKey, rejected Secret) (Secret, bool) {
	token := t.customers.get(key)
	ok := token.Value != "" && token.Value != rejected && t.now().Add(RefreshMargin).Before(token.ExpiresAt)
	return token.Value, ok
}

// forget drops the cached tokens of a tenant, and what it manages.
func (t *Tokens) forget(id tenant.ID) {
	t.managed.forget(id)
	t.customers.mu.Lock()
	defer t.customers.mu.Unlock()
	for key := range t.customers.tokens {
		if key.tenant == id {
			delete(t.customers.tokens, key)
		}
	}
}
