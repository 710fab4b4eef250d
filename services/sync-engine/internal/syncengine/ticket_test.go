package syncengine_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// keys keeps one key.
type keys struct{ key []byte }

func (k *keys) TicketKey(_ context.Context, fresh []byte, _ time.Time) ([]byte, error) {
	if k.key == nil {
		k.key = fresh
	}
	return k.key, nil
}

func TestTicketsExpire(t *testing.T) {
	t.Parallel()
	ctx := tenant.With(t.Context(), tenant.Call{Tenant: "msp"})
	now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	store := &keys{}
	tickets, replica := syncengine.NewTickets(store, clock), syncengine.NewTickets(store, clock)
	run, err := tickets.Issue(ctx, "run", syncengine.TypeInitial)
	require.NoError(t, err)
	schedule, err := tickets.IssueSchedule(ctx)
	require.NoError(t, err)
	began := now
	valid := func(after time.Duration) (runValid, scheduleValid bool) {
		now = began.Add(after)
		runErr := replica.Check(ctx, "run", run)
		scheduleErr := replica.Check(ctx, "", schedule, syncengine.TicketSchedule)
		for _, err := range []error{runErr, scheduleErr} {
			require.Contains(t, []string{"", reason.RunTicketInvalid}, errs.ReasonOf(err))
		}
		return runErr == nil, scheduleErr == nil
	}
	for _, c := range []struct {
		after         time.Duration
		run, schedule bool
	}{
		{0, true, true}, {48 * time.Hour, true, true}, {49 * time.Hour, false, true}, {30 * 24 * time.Hour, false, true}, {38 * 24 * time.Hour, false, false},
	} {
		runValid, scheduleValid := valid(c.after)
		require.Equal(t, c.run, runValid, c.after)
		require.Equal(t, c.schedule, scheduleValid, c.after)
	}
}
