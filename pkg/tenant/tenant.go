// Package tenant carries, in a context, on whose behalf work is done.
package tenant

import (
	"context"
	"regexp"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// ID names a tenant of the host: 1 to 64 characters of A-Z a-z 0-9 _ -.
// A value made by Parse is safe to quote in SQL.
type ID string

var idPattern = regexp.MustCompile(`\A[A-Za-z0-9_-]{1,64}\z`)

// Parse checks the form of an id; errs.Invalid, reason "tenant_invalid".
func Parse(s string) (ID, error) {
	if !idPattern.MatchString(s) {
		return "", errs.Of(reason.TenantInvalid)
	}
	return ID(s), nil
}

// Valid reports whether the id has the right form.
func (id ID) Valid() bool { return idPattern.MatchString(string(id)) }

// String is the id as text.
func (id ID) String() string { return string(id) }

// Actor is the person or service that acts: an opaque id and a type such as
// "user", "service" or "platform". It carries no name, no address, no other
// personal data.
type Actor struct {
	ID   string
	Type string
}

// Call says on whose behalf a request is handled.
type Call struct {
	Tenant  ID        // empty only where a method works without a tenant
	Actor   Actor     // empty for the system's own work
	Run     string    // the run the work belongs to; empty outside runs
	Session string    // id of the browser session the person acts in, no secret; empty for bearer callers
	Expires time.Time // when the signed statement of it ends; zero when it was not received but made here
}

type key struct{}

// With returns a context that carries the call.
func With(ctx context.Context, call Call) context.Context {
	return context.WithValue(ctx, key{}, call)
}

// Lookup returns the call, if there is one.
func Lookup(ctx context.Context) (Call, bool) {
	call, ok := ctx.Value(key{}).(Call)
	return call, ok
}

// From returns the call; errs.Unauthenticated, reason "context_missing", when
// the context has none.
func From(ctx context.Context) (Call, error) {
	call, ok := Lookup(ctx)
	if !ok {
		return Call{}, errs.Of(reason.ContextMissing)
	}
	return call, nil
}

// IDFrom returns the call's tenant; errs.Unauthenticated, reason
// "tenant_missing", when the context has none.
func IDFrom(ctx context.Context) (ID, error) {
	call, ok := Lookup(ctx)
	if !ok || call.Tenant == "" {
		return "", errs.Of(reason.TenantMissing)
	}
	return call.Tenant, nil
}
