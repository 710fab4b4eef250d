package connection

import (
	"context"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
)

// answerLife is how long an answer of the partner's authority about the grant is
// believed when customers' authorities go on refusing it.
const answerLife = 30 * time.Second

// delegatedToken redeems the partner's refresh token at a managed tenant's own
// authority. A refusal there that blames the grant may be the tenant's own or the
// partner's: a dead grant is refused everywhere while the partner's access token
// still lives. The partner's authority is asked, once, and its refusal is the
// answer then; if it takes the grant, or has just taken it, the managed tenant alone
// refuses it.
func (t *Tokens) delegatedToken(ctx context.Context, tenant string, g Grant, app Credentials, managedTenant string) (Token, error) {
	believed := t.now().Add(-answerLife)
	token, refusal := t.identity.CustomerToken(ctx, app, g.RefreshToken, managedTenant)
	if refusal == nil || !blamesGrant(refusal) {
		return token, refusal
	}
	if t.proofs.since(tenant, g, believed) {
		return Token{}, refusal
	}
	_, proven, err := t.partnerSince(ctx, tenant, g.AccessToken, believed)
	if err != nil {
		return Token{}, err
	}
	t.proofs.put(tenant, proven, t.now())
	if proven.RefreshToken == g.RefreshToken {
		return Token{}, refusal
	}
	return t.identity.CustomerToken(ctx, app, proven.RefreshToken, managedTenant)
}

// blamesGrant tells whether a customer's authority refuses the grant itself.
func blamesGrant(err error) bool {
	return ClassOf(err) == Customer && errs.ReasonOf(err) == ReasonRefreshFailed
}

// proofs remember when the partner's authority took a grant under suspicion, by
// tenant.
type proofs struct {
	mu   sync.Mutex
	last map[string]proof
}

type proof struct {
	refreshToken Secret
	at           time.Time
}

// since tells whether it took this grant after a time.
func (p *proofs) since(tenant string, g Grant, after time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.last[tenant]
	return ok && last.refreshToken == g.RefreshToken && last.at.After(after)
}

// put keeps a proof, and lets go of those that nobody believes any more.
func (p *proofs) put(tenant string, g Grant, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[string]proof{}
	}
	for key, old := range p.last {
		if at.Sub(old.at) > answerLife {
			delete(p.last, key)
		}
	}
	p.last[tenant] = proof{g.RefreshToken, at}
}
