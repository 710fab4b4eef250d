package microsoft

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// connectScopes are what the partner is asked for, whatever the source of managed
// tenants.
const connectScopes = "offline_access openid profile https://graph.microsoft.com/User.Read " +
	"https://graph.microsoft.com/Directory.Read.All https://graph.microsoft.com/DelegatedAdminRelationship.Read.All"

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

// AuthorizeURL is the address of the consent page.
func (c *Client) AuthorizeURL(r connection.AuthorizeRequest) string {
	query := url.Values{
		"client_id":             {r.Credentials.ClientID},
		"response_type":         {"code"},
		"response_mode":         {"query"},
		"redirect_uri":          {c.redirectURI},
		"scope":                 {c.scopes()},
		"state":                 {r.State.Reveal()},
		"code_challenge":        {r.Challenge},
		"code_challenge_method": {"S256"},
		"prompt":                {"select_account"},
	}
	return c.authorizeURL(authorityOf(r.Credentials)) + "?" + query.Encode()
}

// Exchange redeems a code. It is sent once: a code works once.
func (c *Client) Exchange(ctx context.Context, cr connection.Credentials, code, verifier connection.Secret) (connection.Grant, error) {
	return c.redeem(ctx, cr, atPartner, authorityOf(cr), url.Values{
		"grant_type": {"authorization_code"},
		"code":       {code.Reveal()}, "redirect_uri": {c.redirectURI}, "code_verifier": {verifier.Reveal()}, "scope": {c.scopes()},
	}, 1)
}

// Refresh redeems the partner's refresh token at the partner's authority.
func (c *Client) Refresh(ctx context.Context, cr connection.Credentials, refreshToken connection.Secret) (connection.Grant, error) {
	return c.redeem(ctx, cr, atPartner, authorityOf(cr), url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {refreshToken.Reveal()}, "scope": {c.scopes()},
	}, 3)
}

// CustomerToken redeems the partner's refresh token at a managed tenant's own
// authority. Whatever else comes back is left.
func (c *Client) CustomerToken(ctx context.Context, cr connection.Credentials, refreshToken connection.Secret, managedTenant string) (connection.Token, error) {
	return c.atCustomer(ctx, cr, managedTenant, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {refreshToken.Reveal()}, "scope": {defaultScope},
	})
}

// AppToken asks for the app's own token at a managed tenant's authority.
func (c *Client) AppToken(ctx context.Context, cr connection.Credentials, managedTenant string) (connection.Token, error) {
	return c.atCustomer(ctx, cr, managedTenant, url.Values{"grant_type": {"client_credentials"}, "scope": {defaultScope}})
}

// shared are authorities that stand for many tenants. A token from there says
// nothing about a managed one.
var shared = []string{"common", "consumers", anyOrganization}

func (c *Client) atCustomer(ctx context.Context, cr connection.Credentials, managedTenant string, form url.Values) (connection.Token, error) {
	if managedTenant == "" || slices.Contains(shared, strings.ToLower(managedTenant)) {
		return connection.Token{}, tenantGone.failure(0, "", 0).Err(errors.New("the authority is not that of a managed tenant"))
	}
	grant, err := c.redeem(ctx, cr, atCustomer, managedTenant, form, 3)
	return connection.Token{Value: grant.AccessToken, ExpiresAt: grant.ExpiresAt}, err
}

// redeem asks the token endpoint, again after a passing failure as long as there
// are attempts and it does not ask for a longer pause than ours.
func (c *Client) redeem(ctx context.Context, cr connection.Credentials, at authority, tenant string, form url.Values, attempts int) (connection.Grant, error) {
	for attempt := 1; ; attempt++ {
		grant, err := c.redeemOnce(ctx, cr, at, tenant, form)
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

// tokenAnswer is a success of the token endpoint.
type tokenAnswer struct {
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	AccessToken  plain  `json:"access_token"`
	RefreshToken plain  `json:"refresh_token"`
	IDToken      plain  `json:"id_token"`
}

// plain reads a secret out of JSON, which connection.Secret refuses to print but
// not to read; it is converted at once.
type plain string

func (c *Client) redeemOnce(ctx context.Context, cr connection.Credentials, whose authority, tenant string, form url.Values) (connection.Grant, error) {
	at := doorOf(cr.ClientID, tenant)
	if err := c.tooEarly(at); err != nil {
		return connection.Grant{}, err
	}
	if err := c.prove(cr, c.tokenURL(tenant), form); err != nil {
		return connection.Grant{}, err
	}
	requestCtx, cancel := context.WithTimeoutCause(ctx, tokenTimeout, errUnanswered)
	defer cancel()
	req, err := http.NewRequestWithContext(requestCtx, http.MethodPost, c.tokenURL(tenant), strings.NewReader(form.Encode()))
	if err != nil {
		return connection.Grant{}, fmt.Errorf("making a token request: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	id := uuid.NewString()
	req.Header.Set("client-request-id", id)
	sent := c.now()
	resp, err := c.http.Do(req)
	if err != nil {
		return connection.Grant{}, lost(ctx, outbound.Cause(err), id)
	}
	defer func() { _ = resp.Body.Close() }()
	id = requestIDIn(resp.Header, id)
	raw, err := small(ctx, resp, id)
	if err != nil {
		return connection.Grant{}, err
	}
	if resp.StatusCode != http.StatusOK {
		failure := parseOAuthFailure(raw)
		failure.TraceID = cmp.Or(failure.TraceID, id)
		failure.Status, failure.RetryAfter = resp.StatusCode, outbound.RetryAfter(resp.Header, c.now())
		c.heed(at, failure.Status, failure.RetryAfter)
		return connection.Grant{}, classifyToken(whose, failure)
	}
	grant, err := parseGrant(raw, sent)
	if err != nil {
		return connection.Grant{}, unreadable(err, id)
	}
	return grant, nil
}

// small reads a small answer whole, of what is no Graph. Its errors are classified.
func small(ctx context.Context, resp *http.Response, id string) ([]byte, error) {
	raw, err := outbound.ReadBody(resp.Body, nil, maxSmallBytes)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, lost(ctx, err, id)
	case err != nil:
		return nil, unreadable(err, id)
	}
	return raw, nil
}

// parseOAuthFailure reads an error of the token endpoint. What cannot be read is
// decided by the status.
func parseOAuthFailure(body []byte) oauthFailure {
	var f oauthFailure
	if json.Unmarshal(body, &f) != nil {
		return oauthFailure{}
	}
	f.TraceID, f.Code = clip(f.TraceID), clip(f.Code)
	return f
}

// parseGrant reads a success of the token endpoint, whose request was sent then.
func parseGrant(body []byte, sent time.Time) (connection.Grant, error) {
	var answer tokenAnswer
	if json.Unmarshal(body, &answer) != nil || answer.AccessToken == "" || !strings.EqualFold(answer.TokenType, "Bearer") || answer.ExpiresIn <= 0 {
		return connection.Grant{}, errors.New("not an answer of a token endpoint")
	}
	return connection.Grant{
		AccessToken: connection.Secret(answer.AccessToken), RefreshToken: connection.Secret(answer.RefreshToken),
		ExpiresAt: sent.Add(time.Duration(min(answer.ExpiresIn, 86400)) * time.Second), Scope: answer.Scope,
		PartnerTenantID: tenantOf(string(answer.IDToken)),
	}, nil
}

// tenantOf reads the tenant out of an ID token. It came straight from the token
// endpoint over TLS, so its signature need not be checked (OpenID Connect Core
// §3.1.3.7, 6). Empty when there is none.
func tenantOf(idToken string) string {
	parts := strings.Split(idToken, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		TenantID string `json:"tid"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || len(claims.TenantID) > 64 {
		return ""
	}
	return claims.TenantID
}
