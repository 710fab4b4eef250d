package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"

	"github.com/entrasync/entrasync/gateway/internal/decode"
	"github.com/entrasync/entrasync/gateway/internal/inbound"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
)

// ours begins reasons that speak of the inside: a caller who sees one can do
// nothing with it.
var ours = []string{"database_", "context_", "certificate_", "caller_", "tenant_"}

// Public is an error as the outside may see it: a stable reason, a text that
// names no internals. The cause stays for the log.
func Public(err error) *errs.Error {
	if ce, ok := errors.AsType[*connect.Error](err); ok {
		if _, ok := errors.AsType[*errs.Error](err); !ok {
			err = fromConnect(ce)
		}
	}
	e := rpc.BoundViolations(rpc.Normalise(err))
	kind, reason := e.Kind(), e.Reason()
	if kind == errs.Invalid && (reason == "request_invalid" || reason == "invalid") {
		return errs.Wrap(err, kind, "invalid_argument", "The request is not valid.", errs.WithViolations(e.Violations()...))
	}
	inside := false
	for _, prefix := range ours {
		inside = inside || strings.HasPrefix(reason, prefix)
	}
	switch {
	case kind == errs.Internal, inside && (kind == errs.Unauthenticated || kind == errs.Denied || kind == errs.Precondition):
		return errs.Wrap(err, errs.Internal, "internal", "Something went wrong on our side.")
	case inside && kind == errs.Unavailable:
		return errs.Wrap(err, kind, "unavailable", "A part of the system cannot be reached at the moment.")
	case inside && kind == errs.Deadline:
		return errs.Wrap(err, kind, "deadline", "The request took too long.")
	case kind == errs.Unimplemented && reason == "unimplemented":
		return errs.Wrap(err, kind, "unimplemented", "This is not available.")
	}
	return e
}

// fromConnect classifies what the transport itself says of a request.
func fromConnect(e *connect.Error) error {
	if e.Code() == connect.CodeInvalidArgument {
		return decode.Undecodable(e)
	}
	if e.Code() == connect.CodeResourceExhausted {
		return decode.TooLarge()
	}
	if e.Code() == connect.CodeUnimplemented {
		return errs.Wrap(e, errs.Unimplemented, "unimplemented", "This is not available.")
	}
	return errs.Wrap(e, rpc.KindOfCode(codes.Code(e.Code())), "", "The request could not be served.")
}

// toConnect is a public error on the wire of Connect, gRPC and gRPC-Web.
func toConnect(e *errs.Error) *connect.Error {
	out := connect.NewError(connect.Code(rpc.Code(e.Kind())), e.Public()).WithCause(e)
	for _, message := range rpc.Details(e) {
		if detail, err := connectproto.NewErrorDetail(message); err == nil {
			if _, ok := message.(*errdetails.BadRequest); ok {
				detail.Debug = []byte(`{}`) // Connect would write it a second time, for people to read
			}
			out = out.WithDetail(detail)
		}
	}
	return out
}

// observe is outside of all our interceptors: it turns panics and errors into
// public errors, and logs what those hide, once.
func (e *Edge) observe(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) (err error) {
		in := inbound.From(ctx)
		in.Procedure = spec.Procedure
		start := e.now()
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			}
			code := "ok"
			if err != nil {
				public := Public(err)
				code = public.Reason()
				in.Code = code
				if after := public.RetryAfter(); after > 0 {
					in.Answer("Retry-After", retryAfter(after))
				}
				logHidden(ctx, in, public, err)
				err = toConnect(public)
			}
			if e.metrics != nil {
				e.metrics.WithLabelValues(spec.Procedure, code).Observe(e.now().Sub(start).Seconds())
			}
		}()
		return next(ctx, spec, stream)
	}
}

func logHidden(ctx context.Context, in *inbound.Request, public *errs.Error, err error) {
	level := slog.LevelDebug
	if public.Kind() == errs.Internal {
		level = slog.LevelError
	} else if public.Kind() == errs.Unavailable || public.Kind() == errs.Deadline {
		level = slog.LevelWarn
	}
	slog.Log(ctx, level, "request failed", "procedure", in.Procedure, "request", in.ID, "code", public.Reason(), "error", err)
}

// retryAfter is in whole seconds, at least one.
func retryAfter(d time.Duration) string {
	return strconv.Itoa(max(int((d+time.Second-1)/time.Second), 1))
}
