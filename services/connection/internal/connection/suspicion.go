package connection

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
)

// refusalLife is how long a refusal at the partner's authority is believed when
// customers' authorities go on refusing. A success needs no belief.
const refusalLife = 30 * time.Second

// delegatedToken redeems the partner's refresh token at a managed tenant's own
// authority. A refusal there that blames the grant may be the tenant's own or the
// partner's: a dead grant is refused everywhere while the partner's access token
// still lives. The partner's authority is asked, once, and its refusal is the
// answer then; if it takes the grant, the managed tenant alone refuses it.
func (t *Tokens) delegatedToken(ctx context.Context, tenant string, g Grant, app Credentials, managedTenant string) (Token, error) {
	believed := t.now().Add(-refusalLife)
	token, refusal := t.identity.CustomerToken(ctx, app, g.RefreshToken, managedTenant)
	if refusal == nil || !blamesGrant(refusal) {
		return token, refusal
	}
	_, proven, err := t.partnerSince(ctx, tenant, g.AccessToken, believed)
	if err != nil {
		return Token{}, err
	}
	if proven.RefreshToken == g.RefreshToken {
		return Token{}, refusal
	}
	return t.identity.CustomerToken(ctx, app, proven.RefreshToken, managedTenant)
}

// blamesGrant tells whether a customer's authority refuses the grant itself.
func blamesGrant(err error) bool {
	return ClassOf(err) == Customer && errs.ReasonOf(err) == ReasonRefreshFailed
}
