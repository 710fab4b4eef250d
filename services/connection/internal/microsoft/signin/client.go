// Package signin signs in at the Microsoft identity platform: it redeems codes and refresh
// tokens, gives apps their own tokens, and asks for consent, also by the Partner Center.
package signin

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

const (
	// maxSmallBytes bounds an answer.
	maxSmallBytes = 1 << 20
	// ownScopes ask for a refresh token and the identity of the person who signs in.
	ownScopes = "offline_access openid profile"
)

// Options make a client. Zero values of the clock and the wait are the real ones.
type Options struct {
	Login string // https://login.microsoftonline.com
	// PartnerCenter is https://api.partnercenter.microsoft.com; empty: nothing is asked
	// there.
	PartnerCenter string
	RedirectURI   string
	// Scopes are what the partner is asked for, beside those of signing in itself.
	Scopes    string
	Transport http.RoundTripper // nil: one of its own
	Now       func() time.Time
	Wait      func(ctx context.Context, d time.Duration) error
}

// Client calls the identity platform and the Partner Center.
type Client struct {
	login         *url.URL
	partnerCenter *url.URL // nil: none
	redirectURI   string
	scopes        string
	http          *http.Client // with a breaker for each authority
	pauses        pace.Pauses
	now           func() time.Time
	wait          func(ctx context.Context, d time.Duration) error
}

// New makes a client. It errors on an address that is not safe.
func New(o Options) (*Client, error) {
	login, err := microsoft.Address("login", o.Login)
	if err != nil {
		return nil, err
	}
	c := &Client{login: login, redirectURI: o.RedirectURI, scopes: ownScopes + " " + o.Scopes}
	if o.PartnerCenter != "" {
		if c.partnerCenter, err = microsoft.Address("Partner Center", o.PartnerCenter); err != nil {
			return nil, err
		}
	}
	c.now, c.wait = outbound.Clock(o.Now, o.Wait)
	transport := o.Transport
	if transport == nil {
		transport = microsoft.NewTransport()
	}
	c.http = outbound.Client(&pace.Guarded{Next: transport})
	return c, nil
}

// tokenURL is the token endpoint of an authority: a tenant or "organizations".
func (c *Client) tokenURL(authority string) string {
	return c.login.String() + "/" + url.PathEscape(authority) + "/oauth2/v2.0/token"
}

func (c *Client) authorizeURL(authority string) string {
	return c.login.String() + "/" + url.PathEscape(authority) + "/oauth2/v2.0/authorize"
}
