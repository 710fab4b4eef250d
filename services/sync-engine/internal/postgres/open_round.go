package postgres

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// OpenRound implements syncengine.RoundStore. Rounds wait for a place, which go round by tenant:
// one with thousands of directories delays nobody.
func (s *Store) OpenRound(ctx context.Context, of syncengine.ManagedTenant, now time.Time) (syncengine.Round, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return nil, err
	}
	leave, err := s.rounds.Enter(ctx, id.String())
	if err != nil {
		return nil, err
	}
	r, err := round.Open(ctx, s.pool, of, s.timeouts, now, leave)
	if err != nil {
		return nil, err
	}
	return r, nil
}
