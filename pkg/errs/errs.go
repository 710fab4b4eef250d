// Package errs is the one error type that crosses a layer of entrasync: what
// kind of failure it was, a stable reason for programs, a message for people
// and a cause that only logs see.
//
// It imports the standard library and the contract's reasons alone, so that domain
// packages may use it.
package errs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Kind says what sort of failure an error is. Transports map it to their codes.
type Kind uint8

// The kinds. Internal is the zero value: an unclassified failure is our bug.
const (
	Internal        Kind = iota // our bug, or a failure that nothing classified
	Invalid                     // the request can never succeed as it is written
	Unauthenticated             // the caller is unknown or unproven
	Denied                      // the caller is known and not allowed
	NotFound                    // the thing asked for is not there (or not visible)
	Conflict                    // it collides with something that exists or is running
	Precondition                // the system is not in a state that allows it
	Exhausted                   // a quota or a limit of rate
	Unavailable                 // a peer cannot be reached now; trying again may help
	Deadline                    // time ran out
	Cancelled                   // the caller went away
	Unimplemented               // not implemented
)

var kindNames = [...]string{
	Internal: "internal", Invalid: "invalid", Unauthenticated: "unauthenticated", Denied: "denied",
	NotFound: "not_found", Conflict: "conflict", Precondition: "precondition", Exhausted: "exhausted",
	Unavailable: "unavailable", Deadline: "deadline", Cancelled: "cancelled", Unimplemented: "unimplemented",
}

// kinds are the kinds by the names that the contract has for them.
var kinds = func() map[reason.Kind]Kind {
	all := map[reason.Kind]Kind{}
	for i, name := range kindNames {
		all[reason.Kind(name)] = Kind(i)
	}
	return all
}()

// Kinds lists every kind, for tests that walk a mapping table.
func Kinds() []Kind {
	all := make([]Kind, len(kindNames))
	for i := range kindNames {
		all[i] = Kind(i)
	}
	return all
}

// String is the kind in snake_case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", k)
}

// Violation is one field of a request that breaks a rule.
type Violation struct {
	Field   string // path in the JSON names of the contract: "client.displayName", "emails[2]"
	Message string // for people
}

// Error is a classified failure. Build it with Of, New or Wrap; it does not change
// afterwards.
type Error struct {
	kind       Kind
	reason     string
	message    string
	violations []Violation
	metadata   map[string]string
	retryAfter time.Duration
	cause      error
}

// Option adds a detail to an error under construction.
type Option func(*Error)

// WithViolation adds one field that breaks a rule.
func WithViolation(field, message string) Option {
	return func(e *Error) { e.violations = append(e.violations, Violation{Field: field, Message: message}) }
}

// WithViolations adds fields that break a rule.
func WithViolations(violations ...Violation) Option {
	return func(e *Error) { e.violations = append(e.violations, violations...) }
}

// WithMetadata adds a public key and value for programs (an id, a limit). It
// reaches the caller: no secret, no personal data.
func WithMetadata(key, value string) Option {
	return func(e *Error) {
		if e.metadata == nil {
			e.metadata = map[string]string{}
		}
		e.metadata[key] = value
	}
}

// WithRetryAfter says how long the caller should wait before trying again.
func WithRetryAfter(d time.Duration) Option {
	return func(e *Error) { e.retryAfter = d }
}

// WithCause adds a cause to an error that Of makes; it is as private as Wrap's.
func WithCause(cause error) Option {
	return func(e *Error) { e.cause = cause }
}

// Of makes an error of a reason of the contract, with the reason's usual kind and
// its text for people. Where the kind is another one, or there is a better text,
// use New or Wrap.
func Of(name string, opts ...Option) *Error {
	kind := Internal
	r, ok := reason.Of(name)
	if ok {
		kind = kinds[r.Kinds[0]]
	}
	return New(kind, name, r.Text, opts...)
}

// New makes an error. Reason is stable and snake_case, message is for people.
func New(kind Kind, reason, message string, opts ...Option) *Error {
	return Wrap(nil, kind, reason, message, opts...)
}

// Wrap makes an error with a cause, which errors.Is and errors.As reach, which
// logs print and which no caller sees.
func Wrap(cause error, kind Kind, reason, message string, opts ...Option) *Error {
	e := &Error{kind: kind, reason: reason, message: message, cause: cause}
	for _, opt := range opts {
		opt(e)
	}
	return e
}

// Error is for logs: reason, message and cause. Callers get Public.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Reason())
	if e.message != "" {
		b.WriteString(": ")
		b.WriteString(e.message)
	}
	for _, v := range e.violations {
		fmt.Fprintf(&b, " [%s: %s]", v.Field, v.Message)
	}
	if e.cause != nil {
		b.WriteString(": ")
		b.WriteString(e.cause.Error())
	}
	return b.String()
}

// Public is the message for people, without the cause.
func (e *Error) Public() string { return e.message }

// Unwrap gives the private cause.
func (e *Error) Unwrap() error { return e.cause }

// Kind says what sort of failure it is.
func (e *Error) Kind() Kind { return e.kind }

// Reason is the stable snake_case name of the failure; the kind's name when
// none was given.
func (e *Error) Reason() string {
	if e.reason == "" {
		return e.kind.String()
	}
	return e.reason
}

// Violations lists the fields that break a rule.
func (e *Error) Violations() []Violation { return slices.Clone(e.violations) }

// Metadata gives the public keys and values.
func (e *Error) Metadata() map[string]string { return maps.Clone(e.metadata) }

// RetryAfter is how long to wait before trying again; zero when unknown.
func (e *Error) RetryAfter() time.Duration { return e.retryAfter }

// Is reports two errors of this package as equal when kind and reason are, so
// that a package can declare its failures as values and compare with errors.Is.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t != nil && t.kind == e.kind && t.Reason() == e.Reason()
}

// KindOf is the kind of the first Error in the chain, Internal when there is
// none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.kind
	}
	return Internal
}

// ReasonOf is the reason of the first Error in the chain, "internal" when there
// is none and "" when err is nil.
func ReasonOf(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason()
	}
	return Internal.String()
}
