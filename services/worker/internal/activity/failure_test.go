package activity

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
)

// fromWire gives an error as it arrives from a peer.
func fromWire(err error) error { return rpc.FromStatus(rpc.ToStatus(err).Err()) }

func of(kind errs.Kind, reason string, options ...errs.Option) error {
	return fromWire(errs.New(kind, reason, "Text about somebody.", options...))
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	class := func(c string) errs.Option { return errs.WithMetadata("class", c) }
	soon := errs.WithRetryAfter(time.Second)
	for name, c := range map[string]struct {
		err  error
		want verdict
	}{
		"consent missing":         {of(errs.Precondition, "consent_missing", class("customer")), giveUp},
		"access ended":            {of(errs.Precondition, "gdap_ended", class("customer")), giveUp},
		"conditional access":      {of(errs.Precondition, "conditional_access", class("customer")), giveUp},
		"tenant gone":             {of(errs.Precondition, "tenant_gone", class("customer")), giveUp},
		"credentials rejected":    {of(errs.Precondition, "auth_rejected", class("reconnect")), giveUp},
		"no credentials":          {of(errs.Precondition, "missing_credentials", class("reconnect")), giveUp},
		"not connected":           {of(errs.Precondition, "not_connected", class("reconnect")), giveUp},
		"our registration":        {of(errs.Precondition, "upstream_error", class("bug")), giveUp},
		"a class of tomorrow":     {of(errs.Unavailable, "upstream_error", class("moon")), giveUp},
		"mapping changed":         {of(errs.Precondition, "mapping_changed"), giveUp},
		"invalid":                 {of(errs.Invalid, "request_invalid"), giveUp},
		"unknown run":             {of(errs.NotFound, "unknown_run"), giveUp},
		"caller refused":          {of(errs.Denied, "caller_refused"), giveUp},
		"throttled, told":         {of(errs.Exhausted, "throttled", class("retry"), soon), waitAsAsked},
		"throttled, not told":     {of(errs.Exhausted, "throttled", class("retry")), tryUpstream},
		"busy, told":              {of(errs.Conflict, "round_in_progress", soon), waitAsAsked},
		"busy, not told":          {of(errs.Unavailable, "round_in_progress"), waitAsAsked},
		"Microsoft answers 503":   {of(errs.Unavailable, "upstream_error", class("retry")), tryUpstream},
		"503, told":               {of(errs.Unavailable, "upstream_error", class("retry"), soon), tryUpstream},
		"Microsoft out of reach":  {of(errs.Unavailable, "unreachable", class("retry")), tryUpstream},
		"a bug":                   {of(errs.Internal, ""), tryUpstream},
		"database restarting":     {of(errs.Unavailable, "database_unavailable"), tryOwn},
		"a statement too slow":    {of(errs.Deadline, "database_timeout"), tryUpstream},
		"peer gone":               {rpc.FromStatus(status.Error(codes.Unavailable, "connection refused")), tryOwn},
		"peer stopping":           {rpc.FromStatus(status.Error(codes.Canceled, "going away")), tryOwn},
		"statement too old":       {of(errs.Unauthenticated, "context_expired"), tryOwn},
		"somebody else's message": {rpc.FromStatus(status.Error(codes.ResourceExhausted, "too large")), tryUpstream},
	} {
		require.Equal(t, c.want, verdictOf(rpc.Normalise(c.err)), name)
	}
}

func TestFailuresCarryCodesOnly(t *testing.T) {
	t.Parallel()
	a := New(Clients{}, nil, Pace{})
	for _, err := range []error{
		of(errs.Precondition, "consent_missing", errs.WithMetadata("class", "customer")),
		of(errs.Unavailable, "database_unavailable"),
		of(errs.Conflict, "round_in_progress", errs.WithRetryAfter(7*time.Second)),
		fmt.Errorf("somebody: %w", errNoResult),
		errors.New("somebody"),
	} {
		failure := new(temporal.ApplicationError)
		require.ErrorAs(t, a.judge(err, &tracker{}), &failure)
		require.NotContains(t, failure.Error(), "somebody")
		require.Equal(t, failure.Type(), failure.Message())
		require.NoError(t, failure.Unwrap())
		require.False(t, failure.HasDetails())
	}
}

func TestWaitingIsNoError(t *testing.T) {
	t.Parallel()
	a := New(Clients{}, nil, Pace{})
	for err, want := range map[error]temporal.ApplicationErrorCategory{
		of(errs.Unavailable, "round_in_progress", errs.WithRetryAfter(7*time.Second)):                          temporal.ApplicationErrorCategoryBenign,
		of(errs.Exhausted, "throttled", errs.WithMetadata("class", "retry"), errs.WithRetryAfter(time.Minute)): temporal.ApplicationErrorCategoryBenign,
		of(errs.Unavailable, "database_unavailable"):                                                           temporal.ApplicationErrorCategoryUnspecified,
	} {
		failure := new(temporal.ApplicationError)
		require.ErrorAs(t, a.judge(err, &tracker{}), &failure)
		require.Equal(t, want, failure.Category(), failure.Type())
	}
}

func TestABrokenDirectoryIsAskedAgainWhenItSaysAndFiveTimesAtMost(t *testing.T) {
	t.Parallel()
	a := New(Clients{}, nil, Pace{})
	counts := &tracker{}
	for try := 1; try <= 5; try++ {
		failure := new(temporal.ApplicationError)
		told := of(errs.Unavailable, "upstream_error", errs.WithMetadata("class", "retry"), errs.WithRetryAfter(10*time.Minute))
		require.ErrorAs(t, a.judge(told, counts), &failure)
		require.Equal(t, try == 5, failure.NonRetryable(), try)
		if try < 5 {
			require.Equal(t, 10*time.Minute, failure.NextRetryDelay())
		}
	}
}

func TestEachSortOfFailureIsCountedOnItsOwn(t *testing.T) {
	t.Parallel()
	a := New(Clients{}, nil, Pace{})
	counts := &tracker{}
	upstream := of(errs.Unavailable, "upstream_error", errs.WithMetadata("class", "retry"))
	delay := func(err error) (time.Duration, bool) {
		failure := new(temporal.ApplicationError)
		require.ErrorAs(t, a.judge(err, counts), &failure)
		return failure.NextRetryDelay(), failure.NonRetryable()
	}
	for _, want := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second} {
		for range 3 {
			_, last := delay(of(errs.Unavailable, "database_unavailable"))
			require.False(t, last)
			told, last := delay(of(errs.Exhausted, "throttled", errs.WithMetadata("class", "retry"), errs.WithRetryAfter(90*time.Second)))
			require.False(t, last)
			require.Equal(t, 90*time.Second, told)
		}
		got, last := delay(upstream)
		require.False(t, last)
		require.Equal(t, want, got)
	}
	_, last := delay(of(errs.Unavailable, "upstream_error", errs.WithMetadata("class", "retry"), errs.WithRetryAfter(time.Hour)))
	require.True(t, last, "the fifth upstream error is the last")
	own, last := delay(of(errs.Unavailable, "database_unavailable"))
	require.False(t, last)
	require.Equal(t, 30*time.Second, own)
}
