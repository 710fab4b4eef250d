package access_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

func TestBytesAreHeldPerTenantAndInAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := access.NewBytes(10, 15, time.Second)
		first, err := b.Hold(t.Context(), "t1", 100)
		require.NoError(t, err, "one that is too large takes all that its tenant may have")
		start := time.Now()
		_, err = b.Hold(t.Context(), "t1", 1)
		require.Equal(t, "rate_limited", errs.ReasonOf(err))
		require.Equal(t, time.Second, time.Since(start), "it waits, and not for long")
		_, err = b.Hold(t.Context(), "t2", 6)
		require.Equal(t, reason.Overloaded, errs.ReasonOf(err))
		second, err := b.Hold(t.Context(), "t2", 5)
		require.NoError(t, err)
		first.Shrink(4)
		first.Shrink(7) // nothing is taken again
		third, err := b.Hold(t.Context(), "t1", 6)
		require.NoError(t, err)
		for _, h := range []*access.Held{first, second, third, nil} {
			h.Release()
		}
		whole, err := b.Hold(t.Context(), "t1", 10)
		require.NoError(t, err, "everything was given back")
		whole.Release()
	})
}

func TestBytesAreGivenInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := access.NewBytes(10, 10, time.Minute)
		first, err := b.Hold(t.Context(), "t", 10)
		require.NoError(t, err)
		order := make(chan string, 2)
		for _, waiter := range []struct {
			name string
			n    int64
		}{{"large", 10}, {"small", 1}} {
			go func() {
				held, err := b.Hold(t.Context(), "t", waiter.n)
				if err == nil {
					order <- waiter.name
				}
				held.Release()
			}()
			synctest.Wait()
		}
		first.Release()
		require.Equal(t, "large", <-order)
		require.Equal(t, "small", <-order)

		ctx, cancel := context.WithCancel(t.Context())
		held, err := b.Hold(t.Context(), "t", 10)
		require.NoError(t, err)
		cancel()
		_, err = b.Hold(ctx, "t", 1)
		require.ErrorIs(t, err, context.Canceled)
		held.Release()
	})
}
