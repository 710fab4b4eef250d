package core

import (
	"strings"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// ours are the beginnings of reasons about our own parts: a caller who sees one can do
// nothing with it.
var ours = []string{"database_", "context_", "certificate_", "caller_", "tenant_"}

// Public is an error as the outside may see it: a stable reason, a text that
// names no internals. The cause stays for the log.
func Public(err error) *errs.Error {
	e := rpc.BoundViolations(rpc.Normalise(err))
	kind, why := e.Kind(), e.Reason()
	if kind == errs.Invalid && (why == reason.RequestInvalid || why == "invalid") {
		return errs.Of(reason.InvalidArgument, errs.WithCause(err), errs.WithViolations(e.Violations()...))
	}
	inside := false
	for _, prefix := range ours {
		inside = inside || strings.HasPrefix(why, prefix)
	}
	switch {
	case kind == errs.Internal, inside && (kind == errs.Unauthenticated || kind == errs.Denied || kind == errs.Precondition):
		return errs.Of(reason.Internal, errs.WithCause(err))
	case inside && kind == errs.Unavailable:
		return errs.Of(reason.Unavailable, errs.WithCause(err), errs.WithRetryAfter(e.RetryAfter()))
	case inside && kind == errs.Deadline:
		return errs.Of(reason.Deadline, errs.WithCause(err))
	case kind == errs.Unimplemented && why == "unimplemented":
		return errs.Of(reason.Unimplemented, errs.WithCause(err))
	}
	return e
}
