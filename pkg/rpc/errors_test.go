package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
)

func TestViolationsNameFieldsAsJSONDoes(t *testing.T) {
	t.Parallel()
	b := setup(t, echo)
	n := note("longer than ten")
	fields := noteType().Fields()
	items := n.Mutable(fields.ByName("line_items")).List()
	items.Append(items.NewElement())
	byKey := n.Mutable(fields.ByName("by_key")).Map()
	byKey.Set(protoreflect.ValueOfString("k").MapKey(), byKey.NewValue())
	err := b.from("gateway").Invoke(acme(t.Context()), publicMethod, n, dynamicpb.NewMessage(noteType()))
	requireReason(t, err, "request_invalid")
	broken, ok := errors.AsType[*errs.Error](err)
	require.True(t, ok)
	require.Equal(t, errs.Invalid, broken.Kind())
	var names []string
	for _, v := range broken.Violations() {
		names = append(names, v.Field)
		require.NotEmpty(t, v.Message)
	}
	require.ElementsMatch(t, []string{"text", "lineItems[0].displayName", `byKey["k"].displayName`}, names)
}

func TestErrorsCrossTheWire(t *testing.T) {
	t.Parallel()
	var fail noted[error]
	b := setup(t, func(context.Context, string) (string, error) { return "", fail.get() })
	conn := b.from("gateway")
	for _, kind := range errs.Kinds() {
		fail.set(errs.Wrap(errors.New("private cause"), kind, "the_reason", "For people.",
			errs.WithViolation("client.name", "is empty"), errs.WithMetadata("limit", "7"), errs.WithRetryAfter(1500*time.Millisecond)))
		_, err := call(acme(t.Context()), conn, publicMethod, "")
		got, ok := errors.AsType[*errs.Error](err)
		require.True(t, ok)
		require.Equal(t, kind, got.Kind())
		require.Equal(t, "the_reason", got.Reason())
		require.Equal(t, "For people.", got.Public())
		require.Equal(t, []errs.Violation{{Field: "client.name", Message: "is empty"}}, got.Violations())
		require.Equal(t, map[string]string{"limit": "7"}, got.Metadata())
		require.Equal(t, 1500*time.Millisecond, got.RetryAfter())
		require.NotContains(t, err.Error(), "private")
		require.Equal(t, kind, rpc.KindOfCode(rpc.Code(kind)))
	}
}

func TestAnErrorThatIsReadAgainIsUnchanged(t *testing.T) {
	t.Parallel()
	b := setup(t, func(context.Context, string) (string, error) {
		return "", errs.New(errs.Precondition, "no_confirmed_mapping", "Confirm a mapping first.", errs.WithViolation("scope", "needs a mapping"))
	})
	_, once := call(acme(t.Context()), b.from("gateway"), publicMethod, "")
	for _, err := range []error{once, fmt.Errorf("starting: %w", once)} {
		twice := rpc.FromStatus(rpc.FromStatus(err))
		require.Equal(t, err, twice)
		e, ok := errors.AsType[*errs.Error](twice)
		require.True(t, ok)
		require.Equal(t, "Confirm a mapping first.", e.Public())
		require.Equal(t, "Confirm a mapping first.", rpc.ToStatus(twice).Message())
	}
}

// TestComeAgainIsNoWarning is not parallel: it reads the log.
func TestComeAgainIsNoWarning(t *testing.T) {
	var log bytes.Buffer
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(previous) })
	n := rpctest.New(t)
	address := n.Serve("mapping", on(func(_ context.Context, text string) (string, error) {
		if text == "busy" {
			return "", errs.New(errs.Unavailable, "busy", "Busy.", errs.WithRetryAfter(time.Second))
		}
		return "", errs.New(errs.Unavailable, "down", "Down.")
	}))
	conn := n.Dial("gateway", "mapping", address)
	for _, text := range []string{"busy", "down"} {
		_, err := call(rpc.WithRequestID(acme(t.Context()), "req-8"), conn, publicMethod, text)
		require.Equal(t, text, errs.ReasonOf(err))
	}
	require.Contains(t, log.String(), "down")
	require.NotContains(t, log.String(), "busy")
}

// TestUnknownErrorsStayInside is not parallel: it reads the log.
func TestUnknownErrorsStayInside(t *testing.T) {
	var log bytes.Buffer
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(previous) })
	n := rpctest.New(t)
	inner := n.Serve("connection", on(func(_ context.Context, text string) (string, error) {
		if text == "panic" {
			panic("at the disco")
		}
		return "", errors.New("password=hunter2")
	}))
	onward := n.Dial("mapping", "connection", inner)
	outer := n.Serve("mapping", on(func(ctx context.Context, text string) (string, error) {
		return call(ctx, onward, innerMethod, text)
	}))
	for _, text := range []string{"error", "panic"} {
		log.Reset()
		_, err := call(rpc.WithRequestID(acme(t.Context()), "req-7"), n.Dial("gateway", "mapping", outer), publicMethod, text)
		require.Equal(t, errs.Internal, errs.KindOf(err))
		require.NotContains(t, err.Error(), "hunter2")
		require.NotContains(t, err.Error(), "disco")
		require.Equal(t, 1, strings.Count(log.String(), "call failed"), "logged once, where it happened: %s", log.String())
		require.Contains(t, log.String(), "request=req-7")
	}
	require.Contains(t, log.String(), "disco")
}

// What gRPC itself says of a stream whose caller has left is no failure of ours.
func TestALeftStreamIsCancelled(t *testing.T) {
	t.Parallel()
	left := fmt.Errorf("sending a page: %w", status.Error(codes.Canceled, "context canceled"))
	require.Equal(t, errs.Cancelled, rpc.Normalise(left).Kind())
	require.Equal(t, "cancelled", rpc.Normalise(left).Reason())
}
