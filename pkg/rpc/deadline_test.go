package rpc

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
)

func TestTrim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		left := func(timeout, fallback time.Duration) (time.Duration, error) {
			ctx := t.Context()
			if timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, timeout)
				defer cancel()
			}
			trimmed, cancel, err := trim(ctx, fallback)
			if err != nil {
				return 0, err
			}
			defer cancel()
			deadline, ok := trimmed.Deadline()
			if !ok {
				return 0, nil
			}
			return time.Until(deadline), nil
		}
		got, err := left(time.Second, time.Minute)
		require.NoError(t, err)
		require.Equal(t, time.Second-returnTime, got)
		got, err = left(0, time.Minute)
		require.NoError(t, err)
		require.Equal(t, time.Minute, got)
		got, err = left(0, 0)
		require.NoError(t, err)
		require.Zero(t, got, "a stream without a deadline keeps none")
		_, err = left(returnTime+leastTime-time.Millisecond, time.Minute)
		require.Equal(t, errs.Deadline, errs.KindOf(err), "work that cannot end in time is not begun")
	})
}
