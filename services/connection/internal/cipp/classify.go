package cipp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/entrasync/entrasync/pkg/publicnet"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
)

// This file is the only one that says what a failure of CIPP means.

// scope is what a request was about: CIPP itself or one managed tenant. The same
// status is somebody else's problem at each.
type scope uint8

const (
	ofCIPP scope = iota
	ofTenant
)

// refusal is an answer of CIPP that is not a success. Its text is read for
// Microsoft's number and kept nowhere: it may name people.
type refusal struct {
	status     int
	number     int // AADSTS; zero: none in the text
	requestID  string
	retryAfter time.Duration
}

func (r *refusal) Error() string {
	return fmt.Sprintf("cipp answered %d, AADSTS%d, request %s", r.status, r.number, r.requestID)
}

var aadsts = regexp.MustCompile(`AADSTS([0-9]{4,9})`)

// numberIn finds Microsoft's number in a text of CIPP; zero when there is none.
func numberIn(text []byte) int {
	found := aadsts.FindSubmatch(text)
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		return 0
	}
	return n
}

// transient reports whether the same request may succeed a little later.
func (r *refusal) transient() bool {
	switch r.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// classify says what a refusal means. Statuses decide; of the texts only
// Microsoft's number counts, and only where CIPP speaks of a managed tenant.
func (r *refusal) classify(about scope) error {
	f := byStatus(about, r.status)
	if about == ofTenant && (r.status == http.StatusBadRequest || r.status == http.StatusInternalServerError) {
		if known, ok := microsoft.CustomerFailure(r.number); ok {
			f = known
			// Microsoft refused CIPP's app or grant, not ours: here it is that tenant's matter.
			if f.Class != connection.Retry {
				f.Class = connection.Customer
			}
		}
	}
	f.RequestID, f.RetryAfter = r.requestID, r.retryAfter
	return f.Err(r)
}

const tryAgain = "Nothing: it is tried again."

func byStatus(about scope, status int) connection.Failure {
	switch {
	case status == http.StatusUnauthorized:
		return connection.Failure{
			Reason: connection.ReasonAuthRejected, Class: connection.Reconnect, Message: "CIPP rejects the API client.",
			Remedy: "Check the tenant and the client id of CIPP's API client, and that it is enabled there.",
		}
	case status == http.StatusForbidden && about == ofTenant:
		return connection.Failure{
			Reason: connection.ReasonConsentMissing, Class: connection.Customer, Message: "CIPP keeps its API client out of this tenant.",
			Remedy: "Let the API client's role read this tenant in CIPP.",
		}
	case status == http.StatusForbidden:
		return connection.Failure{
			Reason: connection.ReasonConsentMissing, Class: connection.Reconnect, Message: "CIPP's API client lacks a permission.",
			Remedy: "Give the API client a role in CIPP that may read tenants and users.",
		}
	case status == http.StatusTooManyRequests:
		return connection.Failure{
			Reason: connection.ReasonThrottled, Class: connection.Retry, Message: "CIPP limits the rate of requests.", Remedy: tryAgain,
		}
	case status == http.StatusRequestTimeout, status >= 500:
		return connection.Failure{
			Reason: connection.ReasonUpstreamError, Class: connection.Retry, Message: "CIPP could not answer just now.", Remedy: tryAgain,
		}
	case status == http.StatusBadRequest && about == ofTenant:
		return connection.Failure{
			Reason: connection.ReasonUpstreamError, Class: connection.Customer, Message: "CIPP could not read this tenant.",
			Remedy: "Look in CIPP whether the tenant is excluded, and check its permissions there.",
		}
	}
	return connection.Failure{
		Reason: connection.ReasonUpstreamError, Class: connection.Reconnect, Message: "There is no CIPP that answers as expected at this address.",
		Remedy: "Check the base URL and the version of CIPP.",
	}
}

// errHeldBack says that nothing was sent.
var errHeldBack = errors.New("held back until CIPP takes requests again")

// tooEarly says when CIPP takes requests again.
func tooEarly(left time.Duration) error {
	f := byStatus(ofCIPP, http.StatusTooManyRequests)
	f.RetryAfter = left
	return f.Err(errHeldBack)
}

// lost says what it means that no answer came, or not the whole of it.
func lost(ctx context.Context, err error, requestID string) error {
	if ctx.Err() != nil {
		return connection.Unanswered{RequestID: requestID, Cause: ctx.Err()}
	}
	cause := fmt.Errorf("request %q: %w", requestID, err)
	if errors.Is(err, publicnet.ErrPrivate) {
		return connection.Failure{
			Reason: connection.ReasonBaseURLRefused, Class: connection.Reconnect,
			Message: "The address of CIPP does not lead to the public internet.", Remedy: "Save CIPP with an address that does.",
		}.Err(cause)
	}
	return connection.Failure{
		Reason: connection.ReasonUnreachable, Class: connection.Retry, Message: "CIPP cannot be reached.",
		Remedy: "Check the base URL and whether CIPP runs.", RequestID: requestID,
	}.Err(cause)
}

// unreadable says what it means that an answer is none that CIPP gives.
func unreadable(err error, requestID string) error {
	return connection.Failure{
		Reason: connection.ReasonUpstreamError, Class: connection.Retry, Message: "CIPP sent an answer that cannot be read.",
		Remedy: tryAgain, RequestID: requestID,
	}.Err(fmt.Errorf("request %q: %w", requestID, err))
}
