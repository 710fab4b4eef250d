package rpc

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Domain is that of every google.rpc.ErrorInfo of ours.
const Domain = "entrasync"

// kindCodes is the one table between kinds and codes, inside and at the edge
// (Connect's codes are gRPC's).
var kindCodes = map[errs.Kind]codes.Code{
	errs.Internal:        codes.Internal,
	errs.Invalid:         codes.InvalidArgument,
	errs.Unauthenticated: codes.Unauthenticated,
	errs.Denied:          codes.PermissionDenied,
	errs.NotFound:        codes.NotFound,
	errs.Conflict:        codes.AlreadyExists,
	errs.Precondition:    codes.FailedPrecondition,
	errs.Exhausted:       codes.ResourceExhausted,
	errs.Unavailable:     codes.Unavailable,
	errs.Deadline:        codes.DeadlineExceeded,
	errs.Cancelled:       codes.Canceled,
	errs.Unimplemented:   codes.Unimplemented,
}

var codeKinds = func() map[codes.Code]errs.Kind {
	m := map[codes.Code]errs.Kind{codes.Aborted: errs.Conflict, codes.OutOfRange: errs.Invalid}
	for kind, code := range kindCodes {
		m[code] = kind
	}
	return m
}()

// Code is the code of a kind, on the wire and at the edge.
func Code(kind errs.Kind) codes.Code {
	if code, ok := kindCodes[kind]; ok {
		return code
	}
	return codes.Internal
}

// KindOfCode is the kind of a code, errs.Internal for those we never send.
func KindOfCode(code codes.Code) errs.Kind { return codeKinds[code] }

// Normalise gives the classified error in the chain, or one that says no more
// than that something went wrong. Its cause stays private.
func Normalise(err error) *errs.Error {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		if e.Kind() == errs.Internal && e.Public() == "" {
			return errs.Wrap(err, errs.Internal, e.Reason(), reason.Text(reason.Internal))
		}
		return e
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errs.Of(reason.Deadline, errs.WithCause(err))
	case errors.Is(err, context.Canceled), status.Code(err) == codes.Canceled: // a stream says it by a status
		return errs.Of(reason.Cancelled, errs.WithCause(err))
	case status.Code(err) == codes.Unimplemented: // what generated servers answer
		return errs.Wrap(err, errs.Unimplemented, reason.Unimplemented, "This is not built.")
	}
	return errs.Of(reason.Internal, errs.WithCause(err))
}

// Details are the google.rpc messages that carry an error beside its code and
// message: ErrorInfo always, BadRequest and RetryInfo where it has them.
func Details(e *errs.Error) []proto.Message {
	details := []proto.Message{&errdetails.ErrorInfo{Reason: e.Reason(), Domain: Domain, Metadata: e.Metadata()}}
	if violations := e.Violations(); len(violations) > 0 {
		bad := &errdetails.BadRequest{}
		for _, v := range violations {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: v.Field, Description: v.Message})
		}
		details = append(details, bad)
	}
	if after := e.RetryAfter(); after > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
	}
	return details
}

// ToStatus is what goes on the wire for an error; nil for nil.
func ToStatus(err error) *status.Status {
	if err == nil {
		return nil
	}
	e := Normalise(err)
	plain := status.New(Code(e.Kind()), e.Public())
	details := make([]protoadapt.MessageV1, 0, 3)
	for _, d := range Details(e) {
		details = append(details, protoadapt.MessageV1Of(d))
	}
	full, err := plain.WithDetails(details...)
	if err != nil {
		return plain
	}
	return full
}

// remote marks an error that a peer sent, and therefore logged.
type remote struct{ status error }

func (r *remote) Error() string { return "from a peer: " + r.status.Error() }
func (r *remote) Unwrap() error { return r.status }

// FromStatus turns the status that a call ended with into an errs.Error; nil for
// nil and for OK. An error that is one already, or wraps one, comes back
// unchanged: read as a status it would lend its private text to the public one.
func FromStatus(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*errs.Error](err); ok {
		return err
	}
	s, ok := status.FromError(err)
	if !ok {
		return Normalise(err)
	}
	if s.Code() == codes.OK {
		return nil
	}
	kind := KindOfCode(s.Code())
	why, ours := kind.String(), false
	var opts []errs.Option
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			if d.GetDomain() != Domain {
				continue
			}
			why, ours = d.GetReason(), true
			for key, value := range d.GetMetadata() {
				opts = append(opts, errs.WithMetadata(key, value))
			}
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				opts = append(opts, errs.WithViolation(v.GetField(), v.GetDescription()))
			}
		case *errdetails.RetryInfo:
			opts = append(opts, errs.WithRetryAfter(d.GetRetryDelay().AsDuration()))
		}
	}
	if ours {
		return errs.Wrap(&remote{err}, kind, why, s.Message(), opts...)
	}
	// The transport's own: its text is for logs, not for people.
	return errs.Wrap(err, kind, why, transportMessage(kind), opts...)
}

func transportMessage(kind errs.Kind) string {
	switch kind {
	case errs.Unavailable:
		return reason.Text(reason.Unavailable)
	case errs.Deadline:
		return reason.Text(reason.Deadline)
	case errs.Cancelled:
		return reason.Text(reason.Cancelled)
	}
	return reason.Text(reason.Internal)
}

// fromPeer reports an error that a peer has logged already.
func fromPeer(err error) bool {
	_, ok := errors.AsType[*remote](err)
	return ok
}
