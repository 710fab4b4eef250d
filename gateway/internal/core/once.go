package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
)

// recordTimeout bounds the keeping of an answer, whatever became of the caller.
const recordTimeout = 5 * time.Second

// once runs a method, or gives the stored answer to a repeated POST. A key is checked also where
// no answer is kept.
func (call *Call) once(ctx context.Context, request, answer proto.Message) error {
	if call.method.Verb != http.MethodPost {
		return call.forward(ctx, request, answer)
	}
	key, err := keyOf(call.in.IdempotencyKeys)
	if err != nil {
		return err
	}
	if key == "" || call.method.Rule.GetUnkept() {
		return call.forward(ctx, request, answer)
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	who := call.caller.Call()
	stored, first, err := call.core.keys.begin(ctx, repeatable{
		Tenant: who.Tenant, Actor: who.Actor.Type + "/" + who.Actor.ID, Route: call.method.Procedure, Key: key, Body: body,
	})
	if err != nil {
		return err
	}
	if first == nil {
		call.in.Answer("Idempotency-Replayed", "true")
		return unpack(stored, answer)
	}
	// A key says that the caller will ask again: when the connection is lost the
	// method goes on, and its answer waits.
	ctx = context.WithoutCancel(ctx)
	err = call.forward(ctx, request, answer)
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	if failed := storeAnswer(ctx, first, answer, err); failed != nil {
		slog.ErrorContext(ctx, "answer not kept for repetition", "procedure", call.method.Procedure, "request", call.in.ID, "error", failed)
	}
	return err
}

// storeAnswer stores an answer that would be the same again; a failure on our side, or
// one that passes, leaves the key free.
func storeAnswer(ctx context.Context, first *attempt, answer proto.Message, err error) error {
	packed := &spb.Status{}
	if err != nil {
		public := Public(err)
		switch public.Kind() {
		case errs.Invalid, errs.Denied, errs.NotFound, errs.Conflict, errs.Precondition:
			packed = rpc.ToStatus(public).Proto()
		default:
			return first.release(ctx)
		}
		// Whoever is told when to ask again sends the same request with the same key.
		if public.RetryAfter() > 0 {
			return first.release(ctx)
		}
	} else {
		if dryRun(answer) { // repeating it does no harm
			return first.release(ctx)
		}
		wrapped, err := anypb.New(answer)
		if err != nil {
			return errors.Join(err, first.release(ctx))
		}
		packed.Details = []*anypb.Any{wrapped}
	}
	raw, err := short(packed)
	if err != nil {
		return errors.Join(err, first.release(ctx))
	}
	return first.store(ctx, raw)
}

// unpack gives back what storeAnswer packed.
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
