package service

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEveryGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		began := time.Now()
		var at []time.Duration
		every(ctx, "sweeper", time.Minute, func(context.Context) error {
			at = append(at, time.Since(began))
			if len(at) == 3 {
				stop()
			}
			return errors.New("not now")
		})
		require.Equal(t, []time.Duration{0, time.Minute, 2 * time.Minute}, at)
	})
}
