package errs_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

func TestErrorHasAPublicAndAPrivateSide(t *testing.T) {
	t.Parallel()
	err := errs.Wrap(io.EOF, errs.Invalid, "name_missing", "A name is missing.",
		errs.WithViolation("client.name", "is empty"), errs.WithViolations(errs.Violation{Field: "id", Message: "is taken"}),
		errs.WithMetadata("limit", "3"), errs.WithRetryAfter(time.Second))
	require.Equal(t, "A name is missing.", err.Public())
	require.Equal(t, "name_missing: A name is missing. [client.name: is empty] [id: is taken]: EOF", err.Error())
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, []errs.Violation{{"client.name", "is empty"}, {"id", "is taken"}}, err.Violations())
	require.Equal(t, map[string]string{"limit": "3"}, err.Metadata())
	require.Equal(t, time.Second, err.RetryAfter())
	err.Metadata()["limit"] = "4"
	err.Violations()[0].Field = "other"
	require.Equal(t, map[string]string{"limit": "3"}, err.Metadata(), "an error does not change")
	require.Equal(t, "client.name", err.Violations()[0].Field)
}

func TestKindAndReasonAreFoundInTheChain(t *testing.T) {
	t.Parallel()
	base := errs.New(errs.Conflict, "run_active", "A run is active.")
	wrapped := fmt.Errorf("starting: %w", base)
	require.Equal(t, errs.Conflict, errs.KindOf(wrapped))
	require.Equal(t, "run_active", errs.ReasonOf(wrapped))
	require.ErrorIs(t, wrapped, errs.New(errs.Conflict, "run_active", "Another text."))
	require.NotErrorIs(t, wrapped, errs.New(errs.Conflict, "other", ""))
	require.NotErrorIs(t, wrapped, errs.New(errs.NotFound, "run_active", ""))

	plain := errors.New("plain")
	require.Equal(t, errs.Internal, errs.KindOf(plain))
	require.Equal(t, "internal", errs.ReasonOf(plain))
	require.Empty(t, errs.ReasonOf(nil))
	require.Equal(t, "denied", errs.New(errs.Denied, "", "").Reason())
}

func TestEveryKindHasAName(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, kind := range errs.Kinds() {
		require.NotEmpty(t, kind.String())
		require.False(t, seen[kind.String()])
		seen[kind.String()] = true
	}
	require.Len(t, seen, 12)
	require.Equal(t, "kind(99)", errs.Kind(99).String())
	require.Equal(t, errs.Internal, errs.Kind(0), "what nobody classified is our bug")
}

func TestAnErrorOfAReasonHasItsKindAndText(t *testing.T) {
	t.Parallel()
	for _, group := range reason.All() {
		for _, r := range group.Reasons {
			err := errs.Of(r.Name)
			require.Equal(t, r.Name, err.Reason())
			require.Equal(t, string(r.Kinds[0]), err.Kind().String(), r.Name)
			require.Equal(t, r.Text, err.Public(), r.Name)
			require.NoError(t, err.Unwrap())
		}
	}
	err := errs.Of(reason.Throttled, errs.WithCause(io.EOF), errs.WithRetryAfter(time.Second))
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, time.Second, err.RetryAfter())
	require.NotContains(t, err.Public(), "EOF")
}

func TestAnErrorOfNoReasonIsOurBug(t *testing.T) {
	t.Parallel()
	err := errs.Of("made_up")
	require.Equal(t, errs.Internal, err.Kind())
	require.Equal(t, "made_up", err.Reason())
	require.Empty(t, err.Public())
}
