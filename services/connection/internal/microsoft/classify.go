// Package microsoft has what every part that calls Microsoft goes by: what a failure
// there means, how a request is named, and which addresses are safe. Package signin calls
// the identity platform and the Partner Center, package graph Microsoft Graph, both over
// HTTP.
package microsoft

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
)

// This file says what a failure at Microsoft means.

// Authority is where a request went: to the partner's own tenant or to a
// managed one. The same failure is somebody else's problem at each.
type Authority uint8

// The authorities: the partner's own tenant, and a managed one.
const (
	AtPartner Authority = iota
	AtCustomer
)

// meaning is a row of the table.
type meaning struct {
	reason  string
	class   connection.Class
	message string
	remedy  string
}

var (
	grantDead = meaning{
		connection.ReasonRefreshFailed, connection.Reconnect,
		"The partner's grant has expired or was revoked.", "Connect the partner account again.",
	}
	grantRefused = meaning{
		connection.ReasonRefreshFailed, connection.Customer,
		"This tenant does not take the partner's grant.",
		"Look at the tenant's sign-in logs for the cause; if every tenant refuses, connect the partner account again.",
	}
	mfaPartner = meaning{
		connection.ReasonRefreshFailed, connection.Reconnect,
		"Microsoft asks the partner's user for multi-factor authentication.",
		"Connect again and complete the multi-factor prompt.",
	}
	userDisabled = meaning{
		connection.ReasonRefreshFailed, connection.Reconnect,
		"The partner's user is disabled.", "Enable the user, or connect with another account.",
	}
	badApp = meaning{
		connection.ReasonRefreshFailed, connection.Bug,
		"Microsoft does not take the app registration's secret, certificate or token.",
		"Set a valid secret or certificate for the app registration, or mend its federated credential.",
	}
	noProof = meaning{
		connection.ReasonRefreshFailed, connection.Bug,
		"The app's proof of itself cannot be made here.",
		"Check the configured secret, certificate or token file of the app registration.",
	}
	notConsented = meaning{
		connection.ReasonConsentMissing, connection.Customer,
		"The app has no consent in this tenant.", "Give the app consent in this tenant, then try again.",
	}
	notConsentedPartner = meaning{
		connection.ReasonConsentMissing, connection.Reconnect,
		"The app has no consent in the partner's tenant, or the user lacks a role.",
		"Connect again with an administrator and accept the permissions.",
	}
	gdapEnded = meaning{
		connection.ReasonGDAPEnded, connection.Customer,
		"The partner's user has no delegated access to this tenant.",
		"Renew the GDAP relationship, or add the user to the security group that it names.",
	}
	blockedByPolicy = meaning{
		connection.ReasonConditionalAccess, connection.Customer,
		"A Conditional Access or cross-tenant policy of this tenant blocks the partner.",
		"Exclude service providers from the policy, or let the partner's tenant in.",
	}
	blockedAtPartner = meaning{
		connection.ReasonConditionalAccess, connection.Reconnect,
		"A Conditional Access policy of the partner's tenant blocks the app.",
		"Let the app through the policy, then connect again.",
	}
	tenantGone = meaning{
		connection.ReasonTenantGone, connection.Customer,
		"Microsoft does not know this tenant any more.", "Nothing: the tenant was deleted or moved.",
	}
	tenantGonePartner = meaning{
		connection.ReasonTenantGone, connection.Bug,
		"Microsoft does not know the tenant that the app registration names.",
		"Correct the tenant id of the app registration.",
	}
	passing = meaning{
		connection.ReasonUpstreamError, connection.Retry, "Microsoft could not answer just now.", "Nothing: it is tried again.",
	}
	startAgain = meaning{
		connection.ReasonRefreshFailed, connection.Reconnect,
		"Microsoft does not take the answer of this sign-in any more.", "Start connecting again.",
	}
	throttled = meaning{
		connection.ReasonThrottled, connection.Retry, reason.Text(reason.Throttled), "Nothing: it is tried again.",
	}
	unreachable = meaning{
		connection.ReasonUnreachable, connection.Retry, reason.Text(reason.Unreachable), "Check the network and the configured addresses.",
	}
	rejectedPartner = meaning{
		connection.ReasonAuthRejected, connection.Reconnect, "Microsoft rejects the partner's token.", "Connect again.",
	}
	rejectedCustomer = meaning{
		connection.ReasonAuthRejected, connection.Customer,
		"This tenant rejects the partner's token.", "Look at the tenant's sign-in logs for the cause.",
	}
	unexpected = meaning{
		connection.ReasonUpstreamError, connection.Bug, "Microsoft refused a request.", "Report it with the request id.",
	}
	groupUnreadable = meaning{
		connection.ReasonGroupUnreadable, connection.Customer,
		"The group cannot be read.", "Check that the group still exists, and that the app may read group members in this tenant.",
	}
	partnerMayNot = meaning{
		connection.ReasonConsentMissing, connection.Customer,
		"The partner may not consent for this tenant.", "Let an administrator of the tenant consent.",
	}
	badAnswer = meaning{
		connection.ReasonUpstreamError, connection.Retry, "Microsoft sent an answer that cannot be read.", "Nothing: it is tried again.",
	}
)

// aadsts is what the numbers of the identity platform mean at either authority
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes).
// They are hints: `error` decides where a number is not listed. Whatever the grant
// meets at a customer's authority is that tenant's own problem: a grant that is
// really dead shows at the partner's authority.
var aadsts = map[int]struct{ partner, customer meaning }{
	70008:  {grantDead, grantRefused},
	700082: {grantDead, grantRefused},
	50173:  {grantDead, grantRefused},
	70043:  {grantDead, grantRefused},
	70000:  {grantDead, grantRefused},

	50074: {mfaPartner, blockedByPolicy},
	50076: {mfaPartner, blockedByPolicy},
	50078: {mfaPartner, blockedByPolicy},
	50079: {mfaPartner, blockedByPolicy},

	50057: {userDisabled, grantRefused},

	7000215: {badApp, badApp},
	7000222: {badApp, badApp},
	700027:  {badApp, badApp},

	65001:  {notConsentedPartner, notConsented},
	90099:  {notConsentedPartner, notConsented},
	650056: {notConsentedPartner, notConsented},
	700016: {notConsentedPartner, notConsented},

	50020: {rejectedPartner, gdapEnded},
	50177: {rejectedPartner, gdapEnded},

	53003:  {blockedAtPartner, blockedByPolicy},
	530032: {blockedAtPartner, blockedByPolicy},
	530034: {blockedAtPartner, blockedByPolicy},
	500212: {blockedAtPartner, blockedByPolicy},
	500213: {blockedAtPartner, blockedByPolicy},

	90002:   {tenantGonePartner, tenantGone},
	5000224: {tenantGonePartner, tenantGone},
	900023:  {tenantGonePartner, tenantGone},

	50033: {passing, passing},
	90006: {passing, passing},
	90012: {passing, passing},
	90024: {passing, passing},
	90033: {passing, passing},
	90055: {passing, passing},

	54005:  {startAgain, grantRefused},
	501481: {startAgain, grantRefused},
	50011:  {startAgain, grantRefused},
	700005: {startAgain, grantRefused},
}

// oauthErrors is what `error` alone means.
var oauthErrors = map[string]struct{ partner, customer meaning }{
	"invalid_grant":           {grantDead, grantRefused},
	"interaction_required":    {mfaPartner, blockedByPolicy},
	"consent_required":        {notConsentedPartner, notConsented},
	"invalid_client":          {badApp, badApp},
	"unauthorized_client":     {notConsentedPartner, notConsented},
	"temporarily_unavailable": {passing, passing},
	"server_error":            {passing, passing},
}

// OAuthFailure is what the token endpoint answered.
type OAuthFailure struct {
	Status     int
	Code       string `json:"error"`
	Numbers    []int  `json:"error_codes"`
	TraceID    string `json:"trace_id"`
	RetryAfter time.Duration
}

// ClassifyToken says what a refusal of the token endpoint means.
func ClassifyToken(at Authority, f OAuthFailure) error {
	number := 0
	row, known := oauthErrors[f.Code]
	for _, n := range f.Numbers {
		if numbered, ok := aadsts[n]; ok {
			row, known, number = numbered, true, n
			break
		}
		number = n
	}
	m := row.partner
	if at == AtCustomer {
		m = row.customer
	}
	if !known {
		m = byStatus(at, f.Status)
	}
	if f.Status == http.StatusTooManyRequests {
		m = throttled
	}
	return m.failure(number, f.TraceID, f.RetryAfter).Err(
		fmt.Errorf("token endpoint: status %d, error %q, AADSTS%d, trace %s", f.Status, f.Code, number, f.TraceID))
}

// GraphFailure is what Graph answered.
type GraphFailure struct {
	Status     int
	Code       string
	RequestID  string
	RetryAfter time.Duration
	Scope      string // of a 429: what is limited
}

// ClassifyGraph says what a refusal of Graph means. The status decides; codes
// are empty in some of its answers.
func ClassifyGraph(at Authority, f GraphFailure) error {
	return byStatus(at, f.Status).failure(0, f.RequestID, f.RetryAfter).Err(
		fmt.Errorf("graph: status %d, code %q, request %s", f.Status, f.Code, f.RequestID))
}

// PartnerCenterFailure is what the Partner Center answered.
type PartnerCenterFailure struct {
	Status     int
	RequestID  string
	RetryAfter time.Duration
}

// ClassifyPartnerCenter says what a refusal of the Partner Center means. Whatever
// does not pass by itself is that the partner cannot consent for that tenant.
func ClassifyPartnerCenter(f PartnerCenterFailure) error {
	m := partnerMayNot
	if known := byStatus(AtPartner, f.Status); known.class == connection.Retry {
		m = known
	}
	return m.failure(0, f.RequestID, f.RetryAfter).Err(fmt.Errorf("partner center: status %d, request %s", f.Status, f.RequestID))
}

func byStatus(at Authority, status int) meaning {
	switch {
	case status == http.StatusUnauthorized && at == AtCustomer:
		return rejectedCustomer
	case status == http.StatusUnauthorized:
		return rejectedPartner
	case status == http.StatusForbidden && at == AtCustomer:
		return notConsented
	case status == http.StatusForbidden:
		return notConsentedPartner
	case status == http.StatusTooManyRequests:
		return throttled
	case status == http.StatusRequestTimeout, status >= 500 && status != http.StatusNotImplemented:
		return passing
	}
	return unexpected
}

// Lost says what it means that no answer came, or not the whole of it.
func Lost(ctx context.Context, err error, requestID string) error {
	if ctx.Err() != nil {
		return connection.Unanswered{RequestID: requestID, Cause: ctx.Err()}
	}
	if open, ok := errors.AsType[*pace.OpenError](err); ok {
		m := unreachable
		if open.Outage() {
			m = passing
		}
		return m.failure(0, "", open.After).Err(open)
	}
	return unreachable.failure(0, requestID, 0).Err(fmt.Errorf("request %q: %w", requestID, err))
}

// HeldBack says what it means that we hold a request back ourselves.
func HeldBack(err error) error {
	if wait, ok := errors.AsType[pace.ErrWait](err); ok {
		return throttled.failure(0, "", wait.After).Err(wait)
	}
	return err
}

// Unreadable says what it means that an answer could not be read.
func Unreadable(err error, requestID string) error {
	m := badAnswer
	if errors.Is(err, ErrForeignLink) || errors.Is(err, ErrLongLink) {
		m = unexpected
	}
	return m.failure(0, requestID, 0).Err(fmt.Errorf("request %q: %w", requestID, err))
}

func (m meaning) failure(number int, requestID string, retryAfter time.Duration) connection.Failure {
	message := m.message
	if number != 0 {
		message = fmt.Sprintf("%s (AADSTS%d)", m.message, number)
	}
	return connection.Failure{
		Reason: m.reason, Class: m.class, Message: message, Remedy: m.remedy, AADSTS: number,
		RequestID: requestID, RetryAfter: retryAfter,
	}
}

// What is wrong with links in an answer.
var (
	ErrForeignLink = errors.New("a link leads out of its listing")
	ErrLongLink    = errors.New("a delta link is too long to be kept")
)

// NoProof says what it means that the app cannot prove itself; nothing was sent.
func NoProof(cause error) error { return noProof.failure(0, "", 0).Err(cause) }

// NoManagedTenant says what it means that an authority is none of a managed tenant;
// nothing was sent.
func NoManagedTenant(cause error) error { return tenantGone.failure(0, "", 0).Err(cause) }

// GroupUnreadable says what it means that Graph refuses a group or knows none of that id.
func GroupUnreadable(cause error, requestID string) error {
	return groupUnreadable.failure(0, requestID, 0).Err(cause)
}

// CustomerFailure says what a number of the identity platform means that was met at
// a managed tenant's authority; ok is false for an unknown one.
func CustomerFailure(number int) (f connection.Failure, ok bool) {
	known, ok := aadsts[number]
	if !ok {
		return connection.Failure{}, false
	}
	return known.customer.failure(number, "", 0), true
}

// ListingEnd is why a listing cannot go on from where it is.
type ListingEnd string

// The ends of listings.
const (
	GoesOn           ListingEnd = "" // none
	PageTokenExpired ListingEnd = "page_token_expired"
	ResyncRequired   ListingEnd = "resync_required"
	// LinkUnusable is ours: Graph is not asked.
	LinkUnusable ListingEnd = "delta_link_unusable"
)

// ListingEndOf reads the two ways in which Graph says so.
func ListingEndOf(f GraphFailure) ListingEnd {
	switch {
	case f.Status == http.StatusGone:
		return ResyncRequired
	case f.Status != http.StatusBadRequest:
		return GoesOn
	case strings.EqualFold(f.Code, "Directory_ExpiredPageToken"):
		return PageTokenExpired
	case strings.EqualFold(f.Code, "syncStateNotFound"), strings.EqualFold(f.Code, "resyncRequired"):
		return ResyncRequired
	}
	return GoesOn
}
