package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var errTooManyRounds = errs.New(errs.Unavailable, reason.RoundInProgress,
	"As many managed tenants are synced at the moment as the service can.", errs.WithRetryAfter(5*time.Second))

// OpenRound implements syncengine.RoundStore.
func (s *Store) OpenRound(ctx context.Context, of syncengine.ManagedTenant, now time.Time) (syncengine.Round, error) {
	select {
	case s.rounds <- struct{}{}:
	default:
		return nil, errTooManyRounds
	}
	r, err := round.Open(ctx, s.pool, of, s.timeouts, now, sync.OnceFunc(func() { <-s.rounds }))
	if err != nil {
		return nil, err
	}
	return r, nil
}
