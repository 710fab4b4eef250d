package postgres

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// OpenRound implements syncengine.RoundStore. Rounds wait for a place, and tenants take turns:
// one with thousands of directories does not delay the others.
func (s *Store) OpenRound(ctx context.Context, of syncengine.ManagedTenant, now time.Time) (syncengine.Round, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return nil, err
	}
	leave, err := s.enterRound(ctx)
	if err != nil {
		return nil, err
	}
	place := round.Place{Leave: leave, Another: func() (func(), bool) { return s.rounds.TryEnter(id.String()) }}
	r, err := round.Open(ctx, s.pool, of, s.timeouts, now, place)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// enterRound waits for the tenant's turn to do a round; leave gives the place back.
func (s *Store) enterRound(ctx context.Context) (leave func(), err error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.rounds.Enter(ctx, id.String())
}
