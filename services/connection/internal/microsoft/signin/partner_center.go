package signin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

const (
	partnerCenterScope = "https://api.partnercenter.microsoft.com/user_impersonation"
	// graphApp is the application id of Microsoft Graph in every tenant.
	graphApp = "00000003-0000-0000-c000-000000000000"
	appName  = "entrasync"
	// partnerAttempts bounds how often one consent is asked for.
	partnerAttempts = 3
)

// customerPermissions are what the app needs in a managed tenant.
var customerPermissions = []string{"User.Read.All", "GroupMember.Read.All"}

// PartnerCenterToken redeems the partner's refresh token for the Partner Center.
func (c *Client) PartnerCenterToken(ctx context.Context, cr connection.Credentials, refreshToken connection.Secret, partnerTenant string) (connection.Secret, error) {
	grant, err := c.redeem(ctx, cr, microsoft.AtPartner, partnerTenant, 3, c.asHolder(cr, partnerTenant, partnerCenterScope, refreshToken))
	return grant.AccessToken, err
}

// applicationConsent is the body of a consent by the partner's right
// (https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis).
type applicationConsent struct {
	ApplicationID     string             `json:"applicationId"`
	DisplayName       string             `json:"displayName"`
	ApplicationGrants []applicationGrant `json:"applicationGrants"`
}

type applicationGrant struct {
	EnterpriseApplicationID string `json:"enterpriseApplicationId"`
	Scope                   string `json:"scope"` // separated by commas
}

// GrantConsent consents for a managed tenant. That the consent stands already
// is a success.
func (c *Client) GrantConsent(ctx context.Context, cr connection.Credentials, token connection.Secret, managedTenant string) error {
	body, err := json.Marshal(applicationConsent{
		ApplicationID: cr.ClientID, DisplayName: appName,
		ApplicationGrants: []applicationGrant{{EnterpriseApplicationID: graphApp, Scope: strings.Join(customerPermissions, ",")}},
	})
	if err != nil {
		return fmt.Errorf("encoding a consent: %w", err)
	}
	for attempt := 1; ; attempt++ {
		err := c.consentOnce(ctx, pace.EndpointOf(cr.ClientID, partnerCenterScope), token, managedTenant, body)
		if err == nil || attempt == partnerAttempts || ctx.Err() != nil || connection.ClassOf(err) != connection.Retry {
			return err
		}
		pause := max(outbound.Backoff(attempt), retryAfterOf(err))
		if pause > outbound.MaxBackoff || !outbound.Fits(ctx, pause) {
			return err
		}
		if err := c.wait(ctx, pause); err != nil {
			return err
		}
	}
}

func (c *Client) consentOnce(ctx context.Context, at pace.Endpoint, token connection.Secret, managedTenant string, body []byte) error {
	if c.partnerCenter == nil {
		return microsoft.ClassifyPartnerCenter(microsoft.PartnerCenterFailure{Status: http.StatusNotImplemented})
	}
	if err := c.pauses.Check(at, c.now()); err != nil {
		return microsoft.HeldBack(err)
	}
	requestCtx, cancel := context.WithTimeoutCause(ctx, tokenTimeout, pace.ErrUnanswered)
	defer cancel()
	address := c.partnerCenter.String() + "/v1/customers/" + url.PathEscape(managedTenant) + "/applicationconsents"
	req, err := http.NewRequestWithContext(requestCtx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	id := uuid.NewString()
	req.Header.Set("MS-RequestId", id)
	resp, err := c.http.Do(req)
	if err != nil {
		return microsoft.Lost(ctx, outbound.Cause(err), id)
	}
	defer func() { _ = resp.Body.Close() }()
	id = microsoft.RequestID(resp.Header, id)
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusCreated {
		return nil
	}
	raw, err := small(ctx, resp, id)
	if err != nil {
		return err
	}
	var answer struct {
		Description string `json:"description"`
	}
	_ = json.Unmarshal(raw, &answer) // what cannot be read is decided by the status
	if resp.StatusCode < 500 && strings.Contains(answer.Description, "Permission entry already exists") {
		return nil
	}
	pause := outbound.RetryAfter(resp.Header, c.now())
	c.pauses.BackOff(at, pace.Failure{Status: resp.StatusCode, RetryAfter: pause}, c.now())
	return microsoft.ClassifyPartnerCenter(microsoft.PartnerCenterFailure{
		Status: resp.StatusCode, RequestID: id, RetryAfter: pause,
	})
}

// AdminConsentURL is the page for an administrator of a managed tenant. An app
// that reads by itself asks for the permissions of its registration: only those
// include its own.
func (c *Client) AdminConsentURL(cr connection.Credentials, managedTenant string, state connection.Secret) string {
	scope := defaultScope
	if cr.Access() != connection.AppOnly {
		scopes := make([]string, len(customerPermissions))
		for i, p := range customerPermissions {
			scopes[i] = "https://graph.microsoft.com/" + p
		}
		scope = strings.Join(scopes, " ")
	}
	query := url.Values{"client_id": {cr.ClientID}, "scope": {scope}, "redirect_uri": {c.redirectURI}, "state": {state.Reveal()}}
	return c.login.String() + "/" + url.PathEscape(managedTenant) + "/v2.0/adminconsent?" + query.Encode()
}
