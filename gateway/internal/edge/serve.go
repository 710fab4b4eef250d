package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/entrasync/entrasync/gateway/internal/audit"
	"github.com/entrasync/entrasync/gateway/internal/decode"
	"github.com/entrasync/entrasync/gateway/internal/gate"
	"github.com/entrasync/entrasync/gateway/internal/idempotency"
	"github.com/entrasync/entrasync/gateway/internal/inbound"
	"github.com/entrasync/entrasync/gateway/internal/limit"
	"github.com/entrasync/entrasync/gateway/internal/policy"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// recordTimeout bounds the keeping of an answer, whatever became of the caller.
const recordTimeout = 5 * time.Second

// admission is what the gate said of a request, kept so that a request that was
// decided before the mux decoded it is counted once.
type admission struct {
	procedure string
	caller    *gate.Caller
	held      *limit.Held
	err       error
}

type admissionKey struct{}

// Admit takes the decisions about a call that is not decoded yet. Calls in the
// context that it gives go on from them; a refusal comes back as well, and is
// recorded by the call, or by Conn.Refuse. Done ends what was begun, in any case.
func (e *Edge) Admit(ctx context.Context, procedure string) (admitted context.Context, done func(), err error) {
	a := admission{procedure: procedure, err: errs.New(errs.Denied, "permission_denied", "Nobody may do this.")}
	if method, ok := e.methods[procedure]; ok {
		a = e.decide(ctx, method)
	}
	return context.WithValue(ctx, admissionKey{}, a), a.held.Release, a.err
}

// decide asks the gate, and takes the bytes that reading the request may need.
func (e *Edge) decide(ctx context.Context, m policy.Method) admission {
	in := inbound.From(ctx)
	a := admission{procedure: m.Procedure}
	a.caller, a.err = e.gate.Admit(ctx, m.Rule, in)
	switch {
	case a.err != nil:
	case in.Length > m.MaxBody()+inbound.Frame: // what does not say so is found out as it is read
		a.err = decode.TooLarge()
	default:
		a.held, a.err = e.bytes.Hold(ctx, string(a.caller.Call().Tenant), in.Bytes(m.MaxBody()))
	}
	return a
}

// admit takes the decisions before anything of the request is decoded, and
// writes the audit log.
func (e *Edge) admit(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		method, ok := e.methods[spec.Procedure]
		if !ok {
			if strings.HasPrefix(spec.Procedure, "/grpc.reflection.") { // registered only where it is switched on
				return next(ctx, spec, stream)
			}
			return errs.New(errs.Denied, "permission_denied", "Nobody may do this.")
		}
		in := inbound.From(ctx)
		decided, ok := ctx.Value(admissionKey{}).(admission)
		if !ok || decided.procedure != spec.Procedure {
			decided = e.decide(ctx, method)
			defer decided.held.Release()
			ctx = context.WithValue(ctx, admissionKey{}, decided)
		}
		caller, err := decided.caller, decided.err
		if caller != nil {
			call := caller.Call()
			in.Tenant = string(call.Tenant)
			ctx = tenant.With(rpc.WithRequestID(withCaller(ctx, caller), in.ID), call)
		}
		// Whoever floods us must not make us write a row each time.
		reason := errs.ReasonOf(decided.err)
		if caller == nil || !method.Audited() || reason == gate.RateLimited || reason == limit.Overloaded {
			if err == nil {
				err = next(ctx, spec, stream)
			}
			return err
		}
		entry := e.enter(method, in, caller)
		if err == nil {
			err = next(withEntry(ctx, entry), spec, stream)
		}
		outcome := audit.OK
		if err != nil {
			outcome = Public(err).Reason()
		}
		entry.End(ctx, outcome)
		return err
	}
}

// enter makes the entry of a call in the audit trail.
func (e *Edge) enter(m policy.Method, in *inbound.Request, caller *gate.Caller) *audit.Entry {
	call := caller.Call()
	return e.audit.Enter(audit.Event{
		Tenant: call.Tenant, ActorID: call.Actor.ID, ActorType: call.Actor.Type, Action: m.Name(),
		RequestID: in.ID, RemoteAddr: in.RemoteAddr,
	})
}

type entryKey struct{}

func withEntry(ctx context.Context, entry *audit.Entry) context.Context {
	return context.WithValue(ctx, entryKey{}, entry)
}

// begin writes that a change is about to be made, or says why it must not be.
func begin(ctx context.Context, m policy.Method) error {
	entry, ok := ctx.Value(entryKey{}).(*audit.Entry)
	if !ok || m.Verb == http.MethodGet { // a read changes nothing
		return nil
	}
	return entry.Begin(ctx)
}

// handler decodes, decides what depends on the body, validates and forwards.
func (e *Edge) handler(m policy.Method, backend grpc.ClientConnInterface, input, output protoreflect.MessageType) connect.ServerFunc {
	return func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
		caller := callerFrom(ctx)
		if caller == nil {
			return errs.New(errs.Denied, "permission_denied", "Nobody may do this.")
		}
		request := input.New().Interface()
		if err := stream.Receive(request); err != nil {
			return unread(ctx, err)
		}
		if decided, ok := ctx.Value(admissionKey{}).(admission); ok {
			decided.held.Shrink(int64(proto.Size(request)))
		}
		if err := e.gate.When(ctx, m.Rule, caller, request); err != nil {
			return err
		}
		if err := rpc.Validate(e.validator, request); err != nil {
			return err
		}
		answer := output.New().Interface()
		err := e.once(ctx, m, caller, request, answer, func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, deadline)
			defer cancel()
			if err := begin(ctx, m); err != nil {
				return err
			}
			return backend.Invoke(ctx, m.Procedure, request, answer)
		})
		if err != nil {
			return err
		}
		return stream.Send(answer)
	}
}

// unread says why a request could not be read.
func unread(ctx context.Context, err error) error {
	if inbound.From(ctx).TooLarge.Load() {
		return decode.TooLarge()
	}
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e
	}
	if ce, ok := errors.AsType[*connect.Error](err); ok {
		return fromConnect(ce)
	}
	return decode.Undecodable(err)
}

// once runs a method, or gives the stored answer to a repeated POST.
func (e *Edge) once(ctx context.Context, m policy.Method, caller *gate.Caller, request, answer proto.Message, run func(context.Context) error) error {
	in := inbound.From(ctx)
	if m.Verb != http.MethodPost || in.IdempotencyKey == "" {
		return run(ctx)
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	call := caller.Call()
	stored, attempt, err := e.keys.Begin(ctx, idempotency.Request{
		Tenant: call.Tenant, Actor: call.Actor.Type + "/" + call.Actor.ID, Route: m.Procedure, Key: in.IdempotencyKey, Body: body,
	})
	if err != nil {
		return err
	}
	if attempt == nil {
		in.Answer("Idempotency-Replayed", "true")
		return unpack(stored, answer)
	}
	// A key says that the caller will ask again: when the connection is lost the
	// method goes on, and its answer waits.
	ctx = context.WithoutCancel(ctx)
	err = run(ctx)
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	if ended := end(ctx, attempt, answer, err); ended != nil {
		slog.ErrorContext(ctx, "answer not kept for repetition", "procedure", m.Procedure, "request", in.ID, "error", ended)
	}
	return err
}

// end stores an answer that would be the same again; a failure on our side, or
// one that passes, leaves the key free.
func end(ctx context.Context, attempt *idempotency.Attempt, answer proto.Message, err error) error {
	packed := &spb.Status{}
	if err != nil {
		public := Public(err)
		switch public.Kind() {
		case errs.Invalid, errs.Denied, errs.NotFound, errs.Conflict, errs.Precondition:
			packed = rpc.ToStatus(public).Proto()
		default:
			return attempt.Release(ctx)
		}
	} else {
		if dryRun(answer) { // repeating it does no harm
			return attempt.Release(ctx)
		}
		wrapped, err := anypb.New(answer)
		if err != nil {
			return errors.Join(err, attempt.Release(ctx))
		}
		packed.Details = []*anypb.Any{wrapped}
	}
	raw, err := short(packed)
	if err != nil {
		return errors.Join(err, attempt.Release(ctx))
	}
	return attempt.Store(ctx, raw)
}

// unpack gives back what end packed.
func unpack(raw []byte, answer proto.Message) error {
	packed := &spb.Status{}
	if err := proto.Unmarshal(raw, packed); err != nil {
		return fmt.Errorf("reading a stored answer: %w", err)
	}
	if packed.GetCode() != 0 {
		return rpc.FromStatus(status.FromProto(packed).Err())
	}
	if len(packed.GetDetails()) != 1 {
		return errors.New("a stored answer is empty")
	}
	return packed.GetDetails()[0].UnmarshalTo(answer)
}
