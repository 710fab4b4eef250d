package issuer

import (
	"net/url"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// client is the console: public (it has no secret), authorization code only.
type client struct {
	id                    string
	redirects, afterwards []string
	lifetime              time.Duration
}

// newClient lets a sign-out lead back to the root of each site that a sign-in
// may lead to.
func newClient(cfg Config) client {
	c := client{id: cfg.ClientID, redirects: cfg.RedirectURIs, lifetime: cfg.Lifetime}
	for _, uri := range cfg.RedirectURIs {
		if u, err := url.Parse(uri); err == nil {
			origin := u.Scheme + "://" + u.Host
			c.afterwards = append(c.afterwards, origin, origin+"/")
		}
	}
	return c
}

// The methods of op.Client.

func (c client) GetID() string                       { return c.id }
func (c client) RedirectURIs() []string              { return c.redirects }
func (c client) PostLogoutRedirectURIs() []string    { return c.afterwards }
func (c client) ApplicationType() op.ApplicationType { return op.ApplicationTypeUserAgent }
func (c client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodNone }
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

func (c client) GrantTypes() []oidc.GrantType         { return []oidc.GrantType{oidc.GrantTypeCode} }
func (c client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeJWT }
func (c client) IDTokenLifetime() time.Duration       { return c.lifetime }
func (c client) IsScopeAllowed(string) bool           { return false } // beyond the standard ones
func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c client) ClockSkew() time.Duration             { return 0 }
func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

// LoginURL is where the library sends the browser to sign in.
func (c client) LoginURL(id string) string {
	return loginPath + "?" + url.Values{"request": {id}}.Encode()
}

// DevMode allows redirects to http addresses; only registered ones pass in any
// case.
func (c client) DevMode() bool { return true }
