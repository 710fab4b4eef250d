package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// ApplyRevision implements syncengine.RevisionStore.
func (s *Store) ApplyRevision(ctx context.Context, m syncengine.MappingRevision, now func() time.Time) (revised syncengine.Revised, err error) {
	tenantID, err := tenantOf(ctx)
	if err != nil {
		return revised, err
	}
	mapping, err := round.NewMapping(s.pool, s.timeouts.Range, tenantID, m)
	if err != nil {
		return revised, err
	}
	done, err := mapping.Announce(ctx, now())
	if err == nil && !done {
		revised.Reactivated, err = s.applyAlone(ctx, mapping, now)
	}
	if err != nil && !errors.Is(err, syncengine.ErrMappingChanged) { // a later revision has an effect of its own
		return revised, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		n, err := q.CountOrphans(ctx, m.EntraTenantID)
		revised.Orphaned = int(n)
		return err
	}, pg.ReadOnly())
	return revised, err
}

// applyAlone applies the revision, outside a round, on a connection that takes the locks.
func (s *Store) applyAlone(ctx context.Context, mapping *round.Mapping, now func() time.Time) (reactivated int, err error) {
	conn, leave, err := s.decisionConn(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	if err := waitForLocks(ctx, conn, mapping.Locks()); err != nil {
		return 0, err
	}
	return mapping.On(conn).Apply(ctx, now, unreported)
}

// unreported is the step of work whose progress is not reported.
func unreported(int) error { return nil }
