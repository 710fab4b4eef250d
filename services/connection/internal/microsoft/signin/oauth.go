package signin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/jwt"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// defaultScope asks for all that the app was given on Graph.
const defaultScope = "https://graph.microsoft.com/.default"

// anyOrganization is the authority for work accounts of any tenant.
const anyOrganization = "organizations"

const tokenTimeout = 30 * time.Second

func authorityOf(c connection.Credentials) string {
	if c.TenantID == "" {
		return anyOrganization
	}
	return c.TenantID
}

// codeFlow is the authorization code flow of an app at the credentials' authority.
func (c *Client) codeFlow(cr connection.Credentials) *oauth2.Config {
	authority := authorityOf(cr)
	return &oauth2.Config{
		ClientID: cr.ClientID, ClientSecret: cr.ClientSecret.Reveal(), RedirectURL: c.redirectURI, Scopes: strings.Fields(c.scopes),
		Endpoint: oauth2.Endpoint{
			AuthURL: c.authorizeURL(authority), TokenURL: c.tokenURL(authority), AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

// AuthorizeURL is the address of the consent page.
func (c *Client) AuthorizeURL(r connection.AuthorizeRequest) string {
	return c.codeFlow(r.Credentials).AuthCodeURL(r.State.Reveal(), oauth2.S256ChallengeOption(r.Verifier.Reveal()),
		oauth2.SetAuthURLParam("response_mode", "query"), oauth2.SetAuthURLParam("prompt", "select_account"))
}

// ask sends one request to a token endpoint with what proves the app, which is added to
// its form.
type ask func(ctx context.Context, proof url.Values) (*oauth2.Token, error)

// Exchange redeems a code. It is sent once: a code works once.
func (c *Client) Exchange(ctx context.Context, cr connection.Credentials, code, verifier connection.Secret) (connection.Grant, error) {
	return c.redeem(ctx, cr, microsoft.AtPartner, authorityOf(cr), 1, func(ctx context.Context, proof url.Values) (*oauth2.Token, error) {
		options := []oauth2.AuthCodeOption{oauth2.VerifierOption(verifier.Reveal()), oauth2.SetAuthURLParam("scope", c.scopes)}
		for name := range proof {
			options = append(options, oauth2.SetAuthURLParam(name, proof.Get(name)))
		}
		return c.codeFlow(cr).Exchange(ctx, code.Reveal(), options...)
	})
}

// asApp asks for the app's own token of a scope at an authority.
func (c *Client) asApp(cr connection.Credentials, authority, scope string) ask {
	return c.asking(cr, authority, scope, url.Values{})
}

// asHolder redeems a refresh token for a scope at an authority. The library's flow for
// apps takes it as another type of grant; that of oauth2.Config sends no scope.
func (c *Client) asHolder(cr connection.Credentials, authority, scope string, refreshToken connection.Secret) ask {
	return c.asking(cr, authority, scope, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken.Reveal()}})
}

func (c *Client) asking(cr connection.Credentials, authority, scope string, form url.Values) ask {
	return func(ctx context.Context, proof url.Values) (*oauth2.Token, error) {
		config := clientcredentials.Config{
			ClientID: cr.ClientID, ClientSecret: cr.ClientSecret.Reveal(), TokenURL: c.tokenURL(authority), Scopes: []string{scope},
			EndpointParams: maps.Clone(form), AuthStyle: oauth2.AuthStyleInParams,
		}
		maps.Copy(config.EndpointParams, proof)
		return config.Token(ctx)
	}
}

// Refresh redeems the partner's refresh token at the partner's authority. The grant has
// the old one where no new one came.
func (c *Client) Refresh(ctx context.Context, cr connection.Credentials, refreshToken connection.Secret) (connection.Grant, error) {
	return c.redeem(ctx, cr, microsoft.AtPartner, authorityOf(cr), 3, c.asHolder(cr, authorityOf(cr), c.scopes, refreshToken))
}

// CustomerToken redeems the partner's refresh token at a managed tenant's own
// authority. Whatever else comes back is left.
func (c *Client) CustomerToken(ctx context.Context, cr connection.Credentials, refreshToken connection.Secret, managedTenant string) (connection.Token, error) {
	return c.atCustomer(ctx, cr, managedTenant, c.asHolder(cr, managedTenant, defaultScope, refreshToken))
}

// AppToken asks for the app's own token at a managed tenant's authority.
func (c *Client) AppToken(ctx context.Context, cr connection.Credentials, managedTenant string) (connection.Token, error) {
	return c.atCustomer(ctx, cr, managedTenant, c.asApp(cr, managedTenant, defaultScope))
}

// shared are authorities that stand for many tenants. A token from there says
// nothing about a managed one.
var shared = []string{"common", "consumers", anyOrganization}

func (c *Client) atCustomer(ctx context.Context, cr connection.Credentials, managedTenant string, how ask) (connection.Token, error) {
	if managedTenant == "" || slices.Contains(shared, strings.ToLower(managedTenant)) {
		return connection.Token{}, microsoft.NoManagedTenant(errors.New("the authority is not that of a managed tenant"))
	}
	grant, err := c.redeem(ctx, cr, microsoft.AtCustomer, managedTenant, 3, how)
	return connection.Token{Value: grant.AccessToken, ExpiresAt: grant.ExpiresAt}, err
}

// redeem asks the token endpoint, again after a passing failure as long as there
// are attempts and it does not ask for a longer pause than ours.
func (c *Client) redeem(ctx context.Context, cr connection.Credentials, at microsoft.Authority, tenant string, attempts int, how ask) (connection.Grant, error) {
	for attempt := 1; ; attempt++ {
		grant, err := c.redeemOnce(ctx, cr, at, tenant, how)
		if err == nil || attempt == attempts || ctx.Err() != nil || connection.ClassOf(err) != connection.Retry {
			return grant, err
		}
		pause := outbound.Backoff(attempt)
		if retryAfterOf(err) > pause {
			return grant, err
		}
		if err := c.wait(ctx, pause); err != nil {
			return connection.Grant{}, err
		}
	}
}

// retryAfterOf is when a failure says to come again; zero when it does not.
func retryAfterOf(err error) time.Duration {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e.RetryAfter()
	}
	return 0
}

func (c *Client) redeemOnce(ctx context.Context, cr connection.Credentials, whose microsoft.Authority, tenant string, how ask) (connection.Grant, error) {
	at := pace.EndpointOf(cr.ClientID, tenant)
	if err := c.pauses.Check(at, c.now()); err != nil {
		return connection.Grant{}, microsoft.HeldBack(err)
	}
	proof, err := c.prove(cr, c.tokenURL(tenant))
	if err != nil {
		return connection.Grant{}, err
	}
	requestCtx, cancel := context.WithTimeoutCause(ctx, tokenTimeout, pace.ErrUnanswered)
	defer cancel()
	x := &tokenExchange{next: c.http.Transport, id: uuid.NewString()}
	sent := c.now()
	token, err := how(context.WithValue(requestCtx, oauth2.HTTPClient, outbound.Client(x)), proof)
	refused, isRefusal := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case x.unsent != nil:
		return connection.Grant{}, microsoft.Lost(ctx, x.unsent, x.id)
	case x.unread != nil && ctx.Err() != nil:
		return connection.Grant{}, microsoft.Lost(ctx, x.unread, x.id)
	case x.unread != nil:
		return connection.Grant{}, microsoft.Unreadable(x.unread, x.id)
	case isRefusal:
		failure := parseOAuthFailure(refused.Body)
		failure.TraceID = cmp.Or(failure.TraceID, x.id)
		failure.Status, failure.RetryAfter = refused.Response.StatusCode, outbound.RetryAfter(refused.Response.Header, c.now())
		c.pauses.BackOff(at, pace.Failure{Status: failure.Status, RetryAfter: failure.RetryAfter}, c.now())
		return connection.Grant{}, microsoft.ClassifyToken(whose, failure)
	case err == nil:
		var grant connection.Grant
		if grant, err = grantOf(token, sent); err == nil {
			return grant, nil
		}
	}
	return connection.Grant{}, microsoft.Unreadable(errNoGrant, x.id) // the library's error may quote the answer
}

// errNoGrant is an answer that is no success of a token endpoint. It quotes nothing.
var errNoGrant = errors.New("not an answer of a token endpoint")

// tokenExchange sends one request to a token endpoint for the library, with our headers
// and bounds, and keeps what became of it.
type tokenExchange struct {
	next   http.RoundTripper
	id     string // of the request: ours, then Microsoft's
	unsent error  // there was no answer
	unread error  // not the whole of it came
}

// RoundTrip implements http.RoundTripper. What comes is read as JSON, whatever its type
// says.
func (x *tokenExchange) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("client-request-id", x.id)
	resp, err := x.next.RoundTrip(req)
	if err != nil {
		x.unsent = err
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	x.id = microsoft.RequestID(resp.Header, x.id)
	raw, err := outbound.ReadBody(resp.Body, nil, maxSmallBytes)
	if err != nil {
		x.unread = err
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(raw))
	resp.Header.Set("Content-Type", "application/json")
	return resp, nil
}

// small reads a small answer whole, of what is no Graph. Its errors are classified.
func small(ctx context.Context, resp *http.Response, id string) ([]byte, error) {
	raw, err := outbound.ReadBody(resp.Body, nil, maxSmallBytes)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, microsoft.Lost(ctx, err, id)
	case err != nil:
		return nil, microsoft.Unreadable(err, id)
	}
	return raw, nil
}

// parseOAuthFailure reads an error of the token endpoint. What cannot be read is
// decided by the status.
func parseOAuthFailure(body []byte) microsoft.OAuthFailure {
	var f microsoft.OAuthFailure
	if json.Unmarshal(body, &f) != nil {
		return microsoft.OAuthFailure{}
	}
	f.TraceID, f.Code = microsoft.Clip(f.TraceID), microsoft.Clip(f.Code)
	return f
}

// grantOf takes what a token endpoint gave for a request that was sent then. The
// library counts the life of a token by its own clock, and from the answer.
func grantOf(token *oauth2.Token, sent time.Time) (connection.Grant, error) {
	seconds, ok := token.Extra("expires_in").(float64)
	if token.AccessToken == "" || !strings.EqualFold(token.TokenType, "Bearer") || !ok || seconds < 1 || seconds != math.Trunc(seconds) {
		return connection.Grant{}, errNoGrant
	}
	scope, _ := token.Extra("scope").(string)
	idToken, _ := token.Extra("id_token").(string)
	return connection.Grant{
		AccessToken: connection.Secret(token.AccessToken), RefreshToken: connection.Secret(token.RefreshToken),
		ExpiresAt: sent.Add(time.Duration(min(seconds, 86400)) * time.Second), Scope: scope,
		PartnerTenantID: tenantOf(idToken),
	}, nil
}

// tenantOf reads the tenant out of an ID token. It came straight from the token
// endpoint over TLS, so its signature need not be checked (OpenID Connect Core
// §3.1.3.7, 6). Empty when there is none.
func tenantOf(idToken string) string {
	var claims struct {
		TenantID string `json:"tid"`
	}
	if !jwt.Unverified(idToken, &claims) || len(claims.TenantID) > 64 {
		return ""
	}
	return claims.TenantID
}
