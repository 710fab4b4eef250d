package connection

import "context"

// Origin says for which app registration and which directory tokens are good.
// Microsoft's limits hold for the pair. Empty fields: not known.
type Origin struct {
	App       string // client id
	Directory string
}

// OriginSource is a TokenSource that knows the origin of its tokens.
type OriginSource interface {
	Origin(ctx context.Context) Origin
}

// Origin names the partner's own directory by the tenant it belongs to.
func (p partnerTokens) Origin(ctx context.Context) Origin {
	return Origin{App: p.tokens.app(ctx, p.tenant), Directory: "partner of " + p.tenant}
}

// Origin names a managed tenant.
func (c customerTokens) Origin(ctx context.Context) Origin {
	return Origin{App: c.tokens.app(ctx, c.tenant), Directory: c.managedTenant}
}

// app is the client id in force; empty where none is. What is wrong shows when a
// token is asked for.
func (t *Tokens) app(ctx context.Context, tenant string) string {
	credentials, err := t.credentials.Resolve(ctx, tenant)
	if err != nil {
		return ""
	}
	return credentials.ClientID
}
