package connection

import (
	"context"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// answerLife is how long an answer of the partner's authority about the grant is
// used, instead of asking again, while customers' authorities go on refusing it.
const answerLife = 30 * time.Second

// delegatedToken redeems the partner's refresh token at a managed tenant's own
// authority.
func (t *Tokens) delegatedToken(ctx context.Context, g Grant, app Credentials, managedTenant string) (Token, error) {
	return verifyGrant(ctx, t, g, func(refreshToken Secret) (Token, error) {
		return t.identity.CustomerToken(ctx, app, refreshToken, managedTenant)
	})
}

// partnerCenterToken redeems the partner's refresh token for the Partner Center.
func (t *Tokens) partnerCenterToken(ctx context.Context, app Credentials, from ConsentProvider) (Secret, error) {
	connection, grant, err := t.load(ctx)
	if err != nil {
		return "", partnerFailure{err}
	}
	return verifyGrant(ctx, t, grant, func(refreshToken Secret) (Secret, error) {
		return from.PartnerCenterToken(ctx, app, refreshToken, connection.PartnerTenantID)
	})
}

// verifyGrant uses the partner's grant for something else than the partner's own tokens.
// A refusal there that blames the grant may be that place's own or the partner's: a
// dead grant is refused everywhere while the partner's access token is still valid. The
// partner's authority is asked for a fresh token set, once, and its refusal is the
// answer then (partnerFailure); if it takes the grant, or has just taken it, that place
// alone refuses it.
func verifyGrant[T any](ctx context.Context, t *Tokens, g Grant, use func(refreshToken Secret) (T, error)) (none T, err error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return none, err
	}
	since := t.now().Add(-answerLife)
	got, refusal := use(g.RefreshToken)
	if refusal == nil || !blamesGrant(refusal) {
		return got, refusal
	}
	if t.proofs.since(id, g, since) {
		return none, refusal
	}
	_, proven, err := t.partnerSince(ctx, g.AccessToken, since)
	if err != nil {
		return none, partnerFailure{err}
	}
	t.proofs.put(id, proven, t.now())
	if proven.RefreshToken == g.RefreshToken {
		return none, refusal
	}
	return use(proven.RefreshToken)
}

// partnerFailure is why there is no token of the partner's own: whatever was to be
// done with the grant, it is not to blame.
type partnerFailure struct{ error }

func (w partnerFailure) Unwrap() error { return w.error }

// blamesGrant reports whether the grant itself is refused: by a customer's authority,
// or by the partner's for an API that it was not given for.
func blamesGrant(err error) bool {
	switch reason := errs.ReasonOf(err); ClassOf(err) {
	case Customer:
		return reason == ReasonRefreshFailed
	case Reconnect:
		return reason != ReasonConsentMissing
	}
	return false
}

// proofs remember when the partner's authority took a grant that was refused elsewhere, by
// tenant.
type proofs struct {
	mu   sync.Mutex
	last map[tenant.ID]proof
}

type proof struct {
	refreshToken Secret
	at           time.Time
}

// since reports whether it took this grant after a time.
func (p *proofs) since(id tenant.ID, g Grant, after time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.last[id]
	return ok && last.refreshToken == g.RefreshToken && last.at.After(after)
}

// put keeps a proof, and forgets those that have expired.
func (p *proofs) put(id tenant.ID, g Grant, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[tenant.ID]proof{}
	}
	for key, old := range p.last {
		if at.Sub(old.at) > answerLife {
			delete(p.last, key)
		}
	}
	p.last[id] = proof{g.RefreshToken, at}
}
