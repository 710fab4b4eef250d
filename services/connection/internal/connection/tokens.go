package connection

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// RefreshMargin is how long before its end a token is not used any more.
const RefreshMargin = 60 * time.Second

// Tokens provides access tokens: the partner's own, refreshed in time by one caller
// for all replicas (F037, F038), and those for managed tenants, kept in memory.
type Tokens struct {
	credentials *Resolver
	store       Store
	secrets     SecretStore
	locks       TokenLocks
	identity    IdentityProvider
	directory   TenantLister
	now         func() time.Time

	renewals  singleflight[tokenSet]
	listings  singleflight[managedList]
	minting   KeyedMutex // of customers' tokens
	customers customerCache
	proofs    proofs
	managed   managedTenants
}

// NewTokens makes a source of tokens.
func NewTokens(r *Resolver, s Store, secrets SecretStore, locks TokenLocks, identity IdentityProvider, directory TenantLister, now func() time.Time) *Tokens {
	return &Tokens{credentials: r, store: s, secrets: secrets, locks: locks, identity: identity, directory: directory, now: now}
}

// Partner returns tokens of the partner's own directory.
func (t *Tokens) Partner() TokenSource { return &partnerTokens{tokens: t} }

// partnerTokens remember which token set they last gave a token of.
type partnerTokens struct {
	tokens *Tokens

	mu      sync.Mutex
	version string
}

// used is the version of the token set that the last token came from; empty before
// the first.
func (p *partnerTokens) used() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.version
}

func (p *partnerTokens) Token(ctx context.Context) (Secret, error) {
	return p.Renew(ctx, "")
}

func (p *partnerTokens) Renew(ctx context.Context, rejected Secret) (Secret, error) {
	connection, grant, err := p.tokens.partner(ctx, rejected)
	if err == nil {
		p.mu.Lock()
		p.version = connection.SecretVersion
		p.mu.Unlock()
	}
	return grant.AccessToken, err
}

// prove gets a fresh token set, whether or not the one in use is still good.
func (p *partnerTokens) prove(ctx context.Context) error {
	_, grant, err := p.tokens.load(ctx)
	if err != nil {
		return err
	}
	_, err = p.Renew(ctx, grant.AccessToken)
	return err
}

// usable reports whether a stored access token may be sent.
func (t *Tokens) usable(g Grant, rejected Secret) bool {
	return g.AccessToken != "" && g.AccessToken != rejected && t.now().Add(RefreshMargin).Before(g.ExpiresAt)
}

// renewalTurns bounds how often a caller joins renewals that others began for
// reasons of their own.
const renewalTurns = 3

// tokenSet is the token set of a connection.
type tokenSet struct {
	connection Connection
	grant      Grant
	fresh      bool // got just now
}

// partner returns the connection and a token set whose access token is good.
func (t *Tokens) partner(ctx context.Context, rejected Secret) (Connection, Grant, error) {
	return t.partnerSince(ctx, rejected, t.now())
}

// partnerSince is partner, except that a refusal stored after the given time is returned instead of asking again.
func (t *Tokens) partnerSince(ctx context.Context, rejected Secret, since time.Time) (Connection, Grant, error) {
	connection, grant, err := t.load(ctx)
	if err != nil || t.usable(grant, rejected) {
		return connection, grant, err
	}
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return Connection{}, Grant{}, err
	}
	// First one renewal in this process, then one of all: waiting for the
	// database costs a connection. It belongs to no caller: the one that began it may leave.
	var set tokenSet
	for range renewalTurns {
		set, err = t.renewals.do(ctx, id.String(), func(ctx context.Context) (tokenSet, error) {
			return t.renew(ctx, rejected, since)
		})
		if err != nil {
			return Connection{}, Grant{}, err
		}
		if t.usable(set.grant, rejected) || (set.fresh && set.grant.AccessToken != rejected) {
			break // else it was begun for another token than the one rejected here
		}
	}
	return set.connection, set.grant, nil
}

// renew gets a fresh token set, unless somebody else has got one meanwhile or was
// refused it.
func (t *Tokens) renew(ctx context.Context, rejected Secret, since time.Time) (set tokenSet, err error) {
	err = t.locks.WithRefreshLock(ctx, func(ctx context.Context) error {
		set.connection, set.grant, err = t.load(ctx)
		if err != nil || t.usable(set.grant, rejected) {
			return err
		}
		if err := refusedSince(set.connection, since); err != nil {
			return err
		}
		set.grant, err = t.refresh(ctx, &set.connection, set.grant)
		set.fresh = true
		return err
	})
	if err != nil && ctx.Err() != nil {
		return tokenSet{}, tooSlow(err)
	}
	return set, err
}

// tooSlow is the failure of shared work whose time was over.
func tooSlow(cause error) error {
	return Failure{
		Reason: ReasonUnreachable, Class: Retry,
		Message: "Microsoft did not answer in time.", Remedy: "Nothing: it is tried again.", RequestID: RequestIDOf(cause),
	}.Err(cause)
}

// refusedSince is the refusal of a fresh token set that was recorded after a time;
// nil when there is none.
func refusedSince(c Connection, since time.Time) error {
	if c.Status != ValidationFailed || c.LastError == nil || c.LastError.Code != ReasonRefreshFailed || c.LastError.CheckedAt.Before(since) {
		return nil
	}
	return Failure{
		Reason: ReasonRefreshFailed, Class: Reconnect, Message: c.LastError.Message,
		Remedy: "Mend what is named, or connect the partner account again; then validate the connection.",
	}.Err(nil)
}

// Close breaks off the shared work under way and waits for it. What Microsoft
// answers to them is lost, which harms nothing: a used refresh token stays good.
func (t *Tokens) Close() {
	t.listings.end()
	t.renewals.end()
}

// active is the active direct connection.
func (t *Tokens) active(ctx context.Context) (Connection, error) {
	return activeOf(ctx, t.store, Direct)
}

// activeOf is the active connection of a kind; errs.Precondition "not_connected"
// without one.
func activeOf(ctx context.Context, store Store, kind Type) (Connection, error) {
	connection, ok, err := store.Current(ctx)
	if err == nil && (!ok || !connection.Active() || connection.Type != kind) {
		err = errNotConnected()
	}
	return connection, err
}

// load reads the active direct connection and its token set.
func (t *Tokens) load(ctx context.Context) (Connection, Grant, error) {
	connection, encoded, err := LoadSet(ctx, t.store, t.secrets, Direct)
	if err != nil {
		return Connection{}, Grant{}, err
	}
	grant, err := DecodeGrant(encoded)
	return connection, grant, err
}

// LoadSet reads the active connection of a kind and the set of secrets behind it.
func LoadSet(ctx context.Context, store Store, secrets SecretStore, kind Type) (Connection, Secret, error) {
	for range 3 {
		connection, err := activeOf(ctx, store, kind)
		if err != nil {
			return Connection{}, "", err
		}
		encoded, err := secrets.GetSecret(ctx, SetOf(kind), connection.SecretVersion)
		if errs.KindOf(err) == errs.NotFound {
			continue // replaced and swept, or disconnected, between the two reads
		}
		return connection, encoded, err
	}
	return Connection{}, "", errGrantMissing()
}

// refresh redeems the refresh token and points the connection to the new set.
// If somebody replaced the set meanwhile, theirs stays and is used.
func (t *Tokens) refresh(ctx context.Context, connection *Connection, old Grant) (Grant, error) {
	var fresh Grant
	err := t.credentials.With(ctx, func(credentials Credentials) (err error) {
		fresh, err = t.identity.Refresh(ctx, credentials, old.RefreshToken)
		return err
	})
	if err != nil {
		return Grant{}, t.refused(ctx, *connection, err)
	}
	if fresh.RefreshToken == "" {
		fresh.RefreshToken = old.RefreshToken
	}
	if fresh.Scope == "" {
		fresh.Scope = old.Scope
	}
	fresh.PartnerTenantID = old.PartnerTenantID
	encoded, err := EncodeGrant(fresh)
	if err != nil {
		return Grant{}, err
	}
	swapped, err := t.swap(ctx, connection, encoded, fresh.ExpiresAt)
	if err != nil || swapped {
		return fresh, err
	}
	current, grant, err := t.load(ctx)
	*connection = current
	return grant, err
}

// swap writes a token set and points the connection to it; false, and nothing
// written, when the connection has ended meanwhile or has another set.
func (t *Tokens) swap(ctx context.Context, c *Connection, set Secret, expires time.Time) (swapped bool, err error) {
	err = t.locks.WithGrantLock(ctx, func(ctx context.Context) error {
		now, _, err := t.store.Current(ctx)
		if err != nil || now.ID != c.ID || now.SecretVersion != c.SecretVersion {
			return err
		}
		version, err := t.secrets.PutSecret(ctx, SetDirect, set)
		if err != nil {
			return err
		}
		if swapped, err = t.store.SwapSecret(ctx, c.ID, c.SecretVersion, version, expires); swapped {
			c.SecretVersion = version
		}
		return err
	})
	return swapped, err
}

// refusedGrant is a refusal of a fresh token set.
type refusedGrant struct{ error }

func (r refusedGrant) Unwrap() error { return r.error }

// refused marks the connection as failed where the partner's own authority says
// that the grant is dead; a passing failure, or one of our app registration,
// leaves it as it is. Whatever the authority's reason, which the text says, the
// code is that of a failed refresh: the next fresh token set ends it.
func (t *Tokens) refused(ctx context.Context, c Connection, cause error) error {
	if ClassOf(cause) != Reconnect || errs.ReasonOf(cause) == ReasonMissingCredentials {
		return cause
	}
	snapshot := SnapshotOf(ReasonRefreshFailed, cause, t.now())
	if err := t.store.RecordFailed(ctx, c.ID, c.SecretVersion, snapshot); err != nil {
		slog.WarnContext(ctx, "a dead grant could not be recorded", "error", err)
	}
	return refusedGrant{cause}
}
