package core

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/audit"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Decode gives the request of a call. Its error is the caller's mistake.
type Decode func() (proto.Message, error)

// Call is one call of a public method that was let through. Its user calls Enter when it
// has read the body, Serve or Refuse, which record how it ended, and Done in either case.
// It is used by one goroutine.
type Call struct {
	core    *Core
	method  method
	in      *access.Request
	start   time.Time
	caller  *access.Caller
	leave   func() // gives back the place among the tenant's calls, or among the bodies that come; nil without one
	entered bool
	held    *access.Held
	entry   *audit.Entry // nil where the call is not recorded
	settled bool
}

// Admit takes the decisions about a call that need nothing of its body, and takes the
// bytes that reading the body may need and, for a large one, a place among those that come. A
// refusal is recorded and fit for the outside; there is no call then.
func (c *Core) Admit(ctx context.Context, procedure string, in *access.Request) (*Call, error) {
	call := &Call{core: c, in: in, start: c.now()}
	err := call.admit(ctx, procedure)
	if err == nil {
		return call, nil
	}
	call.Done()
	return nil, call.end(ctx, err)
}

func (call *Call) admit(ctx context.Context, procedure string) (err error) {
	defer recovered(&err)
	m, ok := call.core.methods[procedure]
	if !ok {
		return access.ErrNobody
	}
	call.method, call.in.Procedure = m, procedure
	call.caller, err = call.core.gate.Admit(ctx, m.Rule, call.in)
	if err == nil {
		err = call.hold(ctx)
	}
	if errs.ReasonOf(err) == reason.TenantBusy {
		call.core.gate.Refusals.Wait(ctx)
	}
	if call.caller == nil {
		return err
	}
	call.in.Tenant = string(call.caller.Call().Tenant)
	// A flood must not make us write a row for each of its requests.
	if why := errs.ReasonOf(err); m.Audited() && why != reason.RateLimited && why != reason.Overloaded && why != reason.TenantBusy {
		call.recordEntry()
	}
	return err
}

// recovered turns a panic into an error.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	}
}

// hold takes the bytes of the body, and a place among the tenant's large ones. It refuses
// a body whose stated length is over the method's limit; where no length is stated,
// reading the body enforces the limit.
func (call *Call) hold(ctx context.Context) (err error) {
	limit := call.method.MaxBody()
	if call.in.Length > limit+access.Frame {
		return TooLarge()
	}
	of := string(call.caller.Call().Tenant)
	if of != "" {
		if call.leave, err = call.core.calls.Receive(ctx, of, call.in.Length); err != nil {
			return err
		}
	}
	call.held, err = call.core.bytes.Hold(ctx, of, call.in.Bytes(limit))
	return err
}

// Enter takes a place among the tenant's calls, once. It is called when the body has come,
// and before anything is built of it: however slowly a body comes, no other call of the
// tenant waits for it, and what decoding costs is spent for as few as there are places.
func (call *Call) Enter(ctx context.Context) (err error) {
	of := string(call.caller.Call().Tenant)
	if call.entered || of == "" {
		return nil
	}
	call.entered = true
	received := call.leave
	call.leave = nil
	received()
	call.leave, err = call.core.calls.Enter(ctx, of, call.method.Method)
	if errs.ReasonOf(err) == reason.TenantBusy {
		call.entry = nil // as in admit
		call.core.gate.Refusals.Wait(ctx)
	}
	return err
}

// recordEntry makes the entry of the call in the audit trail.
func (call *Call) recordEntry() {
	who := call.caller.Call()
	call.entry = call.core.audit.Enter(audit.Event{
		Tenant: who.Tenant, ActorID: who.Actor.ID, ActorType: who.Actor.Type, Action: call.method.Name(),
		RequestID: call.in.ID, RemoteAddr: call.in.RemoteAddr,
	})
}

// Serve makes the call: it decodes, decides what depends on the body, validates
// and forwards, or gives the stored answer to a repeated request. Its error is
// recorded and fit for the outside.
func (call *Call) Serve(ctx context.Context, decode Decode) (answer proto.Message, err error) {
	defer func() {
		if err = call.end(ctx, err); err != nil {
			answer = nil
		}
	}()
	defer recovered(&err)
	request, err := decode()
	if err != nil {
		return nil, err
	}
	if err := call.Enter(ctx); err != nil {
		return nil, err
	}
	call.held.Shrink(int64(proto.Size(request)))
	ctx = tenant.With(rpc.WithRequestID(ctx, call.in.ID), call.caller.Call())
	if err := call.core.gate.When(ctx, call.method.Rule, call.caller, request); err != nil {
		return nil, err
	}
	if err := rpc.Validate(call.core.validator, request); err != nil {
		return nil, err
	}
	answer = call.method.output.New().Interface()
	return answer, call.once(ctx, request, answer)
}

// forward calls the backend. A change is recorded before it is made.
func (call *Call) forward(ctx context.Context, request, answer proto.Message) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	if call.entry != nil && call.method.Verb != http.MethodGet {
		if err := call.entry.Begin(ctx); err != nil {
			return err
		}
	}
	return call.method.backend.Invoke(ctx, call.method.Procedure, request, answer)
}

// Refuse ends a call that cannot be served, and gives the error that is fit for
// the outside.
func (call *Call) Refuse(ctx context.Context, err error) *errs.Error {
	return Public(call.end(ctx, err))
}

// Done gives back what the call holds. It may be called more than once.
func (call *Call) Done() {
	call.held.Release()
	call.held = nil
	if call.leave != nil {
		call.leave()
		call.leave = nil
	}
}

// end records the outcome, once, and makes an error public.
func (call *Call) end(ctx context.Context, err error) error {
	if call.settled {
		return err
	}
	call.settled = true
	code, outcome := "ok", audit.OK
	if err != nil {
		public := Public(err)
		code, outcome = public.Reason(), public.Reason()
		call.in.Code = code
		if after := public.RetryAfter(); after > 0 {
			call.in.Answer("Retry-After", retryAfter(after))
		}
		logHidden(ctx, call.in, public, err)
		err = public
	}
	if call.entry != nil {
		call.entry.End(tenant.With(ctx, call.caller.Call()), outcome)
	}
	if call.core.metrics != nil {
		call.core.metrics.WithLabelValues(call.in.Procedure, code).Observe(call.core.now().Sub(call.start).Seconds())
	}
	return err
}

func logHidden(ctx context.Context, in *access.Request, public *errs.Error, err error) {
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
