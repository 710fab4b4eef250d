package connection

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Class says who can do something about a failure.
type Class = reason.Class

// The classes.
const (
	Retry     = reason.ClassRetry
	Reconnect = reason.ClassReconnect
	Customer  = reason.ClassCustomer
	Bug       = reason.ClassBug
)

// The reasons of failures at or before the directory.
const (
	ReasonNotConnected       = reason.NotConnected
	ReasonMissingCredentials = reason.MissingCredentials
	ReasonGrantMissing       = reason.GrantMissing
	ReasonRefreshFailed      = reason.RefreshFailed
	ReasonAuthRejected       = reason.AuthRejected
	ReasonConsentMissing     = reason.ConsentMissing
	ReasonGDAPEnded          = reason.GDAPEnded
	ReasonConditionalAccess  = reason.ConditionalAccess
	ReasonTenantGone         = reason.TenantGone
	ReasonThrottled          = reason.Throttled
	ReasonUpstreamError      = reason.UpstreamError
	ReasonUnreachable        = reason.Unreachable
	ReasonGroupUnreadable    = reason.GroupUnreadable
	ReasonBaseURLRefused     = reason.BaseUrlRefused
	ReasonNotSupported       = reason.NotSupported
)

// requestID is the key of a request's id in an error's metadata.
const requestID = "request_id"

// Failure describes why a directory could not be read or a token not be had.
type Failure struct {
	Reason     string
	Class      Class
	Message    string // for people
	Remedy     string // what mends it, for people
	AADSTS     int    // Microsoft's number; zero where there is none
	RequestID  string // by which Microsoft's support finds the request
	RetryAfter time.Duration
}

// Err makes the error. The cause is for logs only.
func (f Failure) Err(cause error) *errs.Error {
	options := []errs.Option{errs.WithMetadata(reason.ClassKey, string(f.Class)), errs.WithMetadata("remedy", f.Remedy)}
	if f.AADSTS != 0 {
		options = append(options, errs.WithMetadata("aadsts", strconv.Itoa(f.AADSTS)))
	}
	if f.RequestID != "" {
		options = append(options, errs.WithMetadata(requestID, f.RequestID))
	}
	if f.RetryAfter > 0 {
		options = append(options, errs.WithRetryAfter(f.RetryAfter))
	}
	kind := errs.Precondition
	switch {
	case f.Reason == ReasonThrottled:
		kind = errs.Exhausted
	case f.Class == Retry:
		kind = errs.Unavailable
	}
	return errs.Wrap(cause, kind, f.Reason, f.Message, options...)
}

// ClassOf is the class of a failure, Bug for what is not classified.
func ClassOf(err error) Class {
	var e *errs.Error
	if !errors.As(err, &e) {
		return Bug
	}
	if class, ok := e.Metadata()[reason.ClassKey]; ok {
		return Class(class)
	}
	switch e.Kind() {
	case errs.Unavailable, errs.Deadline, errs.Cancelled, errs.Exhausted:
		return Retry
	}
	return Bug
}

// Unanswered ends a request whose caller went away, or was out of time, before
// there was an answer.
type Unanswered struct {
	RequestID string
	Cause     error // the context's
}

// Error is for logs.
func (u Unanswered) Error() string { return fmt.Sprintf("request %q: %v", u.RequestID, u.Cause) }

// Unwrap returns the context's error.
func (u Unanswered) Unwrap() error { return u.Cause }

// RequestIDOf is the id of the request that an error is about; empty where there
// is none.
func RequestIDOf(err error) string {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e.Metadata()[requestID]
	}
	u, _ := errors.AsType[Unanswered](err)
	return u.RequestID
}

// publicOf is the text for people of a failure.
func publicOf(err error) (message, remedy string) {
	var e *errs.Error
	if !errors.As(err, &e) {
		return "Something went wrong inside.", "Try again; if it persists, look at the logs."
	}
	return e.Public(), e.Metadata()["remedy"]
}

// SnapshotOf is what a connection keeps of a failure. Microsoft's support
// asks for the request's id.
func SnapshotOf(code string, err error, at time.Time) Snapshot {
	message, remedy := publicOf(err)
	text := join(message, remedy)
	if id := RequestIDOf(err); id != "" {
		text = join(text, "Request id: "+id+".")
	}
	return Snapshot{Code: code, Message: text, CheckedAt: at}
}

// usual is the failure of a reason as the contract describes it.
func usual(name string) *errs.Error {
	r, _ := reason.Of(name)
	return Failure{Reason: r.Name, Class: r.Class, Message: r.Text, Remedy: r.Do}.Err(nil)
}

func errNotConnected() *errs.Error { return usual(ReasonNotConnected) }

// errGrantMissing is the failure of a connection whose secrets are not in the store.
// Microsoft has not been asked.
func errGrantMissing() *errs.Error { return usual(ReasonGrantMissing) }

func errMissingCredentials() *errs.Error { return usual(ReasonMissingCredentials) }

// isDirectoryReason reports whether a passing failure is the directory's and not
// that of our own parts.
func isDirectoryReason(err error) bool {
	switch errs.ReasonOf(err) {
	case ReasonThrottled, ReasonUpstreamError, ReasonUnreachable:
		return true
	}
	return false
}

// join puts one sentence behind another.
func join(message, more string) string {
	if more == "" {
		return message
	}
	return message + " " + more
}

func problemOf(err error) *Problem {
	message, remedy := publicOf(err)
	return &Problem{Code: errs.ReasonOf(err), Message: message, Remedy: remedy}
}
