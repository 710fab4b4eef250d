package connection

import (
	"context"

	"github.com/entrasync/entrasync/pkg/errs"
)

// Origin says for which app registration and which directory tokens are good.
// Microsoft's limits hold for the pair.
type Origin struct {
	App       string // client id; empty: not known
	Directory string // the directory's id
}

// OriginSource is a TokenSource that knows the origin of its tokens.
type OriginSource interface {
	// Origin fails where Token would.
	Origin(ctx context.Context) (Origin, error)
}

// Origin names the app that the partner's grant was given to, which alone can use
// it: a token is good whether or not credentials are to be had just now. Where the
// app was not kept, it is the one in force.
func (p *partnerTokens) Origin(ctx context.Context) (Origin, error) {
	c, ok, err := p.tokens.store.Current(ctx)
	if err != nil {
		return Origin{}, err
	}
	if !ok || !c.Active() {
		return Origin{}, errNotConnected()
	}
	if c.ClientID != "" {
		return Origin{App: c.ClientID, Directory: c.PartnerTenantID}, nil
	}
	app, err := p.tokens.credentials.Registration(ctx)
	if errs.ReasonOf(err) == ReasonMissingCredentials {
		err = nil // which the token may not need
	}
	return Origin{App: app.ClientID, Directory: c.PartnerTenantID}, err
}

// Origin names a managed tenant, and the app that its tokens are minted for.
func (c customerTokens) Origin(ctx context.Context) (Origin, error) {
	app, err := c.tokens.credentials.Registration(ctx)
	return Origin{App: app.ClientID, Directory: c.managedTenant}, err
}
