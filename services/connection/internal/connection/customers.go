package connection

import (
	"context"
	"sync"
	"time"
)

// customerKey names a cached token. The connection is part of it, so that a
// token never outlives the connection it came from.
type customerKey struct{ tenant, connection, managedTenant string }

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

// put keeps a token and lets go of those that have expired.
func (c *customerCache) put(key customerKey, token Token, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tokens == nil {
		c.tokens = map[customerKey]Token{}
	}
	for k, t := range c.tokens {
		if !now.Before(t.ExpiresAt) {
			delete(c.tokens, k)
		}
	}
	c.tokens[key] = token
}

// Customer gives tokens for a managed tenant's own authority, minted from the
// partner's refresh token. They never replace the partner's own, and a failure
// here says nothing about the partner's connection.
func (t *Tokens) Customer(tenant, managedTenant string) TokenSource {
	return customerTokens{t, tenant, managedTenant}
}

type customerTokens struct {
	tokens                *Tokens
	tenant, managedTenant string
}

func (c customerTokens) Token(ctx context.Context) (Secret, error) { return c.Renew(ctx, "") }

func (c customerTokens) Renew(ctx context.Context, rejected Secret) (Secret, error) {
	t := c.tokens
	connection, grant, err := t.load(ctx, c.tenant)
	if err != nil {
		return "", err
	}
	key := customerKey{c.tenant, connection.ID, c.managedTenant}
	if token, ok := t.cached(key, rejected); ok {
		return token, nil
	}
	unlock, err := t.turns.lock(ctx, "customer:"+c.tenant+":"+c.managedTenant)
	if err != nil {
		return "", err
	}
	defer unlock()
	if token, ok := t.cached(key, rejected); ok {
		return token, nil
	}
	credentials, err := t.credentials.Resolve(ctx, c.tenant)
	if err != nil {
		return "", err
	}
	token, err := t.identity.CustomerToken(ctx, credentials, grant.RefreshToken, c.managedTenant)
	if err != nil {
		return "", err
	}
	t.customers.put(key, token, t.now())
	return token.Value, nil
}

func (t *Tokens) cached(key customerKey, rejected Secret) (Secret, bool) {
	token := t.customers.get(key)
	ok := token.Value != "" && token.Value != rejected && t.now().Add(refreshMargin).Before(token.ExpiresAt)
	return token.Value, ok
}

// forget drops the cached tokens of a tenant.
func (t *Tokens) forget(tenant string) {
	t.customers.mu.Lock()
	defer t.customers.mu.Unlock()
	for key := range t.customers.tokens {
		if key.tenant == tenant {
			delete(t.customers.tokens, key)
		}
	}
}
