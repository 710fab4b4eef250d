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
		return errs.Wrap(err, kind, reason.InvalidArgument, "The request is not valid.", errs.WithViolations(e.Violations()...))
	}
	inside := false
	for _, prefix := range ours {
		inside = inside || strings.HasPrefix(why, prefix)
	}
	switch {
	case kind == errs.Internal, inside && (kind == errs.Unauthenticated || kind == errs.Denied || kind == errs.Precondition):
		return errs.Wrap(err, errs.Internal, reason.Internal, "Something went wrong on our side.")
	case inside && kind == errs.Unavailable:
		return errs.Wrap(err, kind, reason.Unavailable, "A part of the system cannot be reached at the moment.")
	case inside && kind == errs.Deadline:
		return errs.Wrap(err, kind, reason.Deadline, "The request took too long.")
	case kind == errs.Unimplemented && why == "unimplemented":
		return errs.Wrap(err, kind, reason.Unimplemented, "This is not available.")
	}
	return e
}
