package round

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Place is a round's place among those that run at once. The pool has a connection for each.
type Place struct {
	Leave func()
	// Another is one more for the same round, where one is free; nil for none.
	Another func() (leave func(), ok bool)
}

// Open takes a connection and on it the locks of the directory and of the client,
// which all end with Release, and marks the managed tenant as running. Two
// directories of one client look for the same contacts, so they go one after the
// other, whichever runs they are of. A mapping later than the run's ends the round
// before it began. The place is left at the end, also when Open fails.
func Open(ctx context.Context, pool *pg.Pool, of syncengine.ManagedTenant, timeouts Timeouts, now time.Time, place Place) (*Round, error) {
	r, err := connected(ctx, pool, of, timeouts, place.Leave)
	if err != nil {
		return nil, err
	}
	r.another = place.Another
	if r.runID, err = uuid.Parse(of.RunID); err != nil {
		r.Release()
		return nil, syncengine.ErrUnknownRun
	}
	if of.MappedClient() != "" {
		r.mapping.client = &r.clientID
	}
	if err := r.open(ctx, now); err != nil {
		r.Release()
		return nil, err
	}
	return r, nil
}

// connected is a round with a connection of its own, which ends with Release. leave is called also
// when there is an error.
func connected(ctx context.Context, pool *pg.Pool, of syncengine.ManagedTenant, timeouts Timeouts, leave func()) (r *Round, err error) {
	defer func() {
		if err != nil {
			leave()
		}
	}()
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return nil, err
	}
	client, err := uuid.Parse(of.ClientID)
	if err != nil {
		return nil, ErrUnknownClient
	}
	conn, err := pg.Dedicated(ctx, pool)
	if err != nil {
		return nil, err
	}
	r = &Round{pool: pool, timeouts: timeouts.OrDefaults(), leave: leave, tenantID: id.String(), managed: of, clientID: client, conn: conn}
	r.mapping.Mapping = &Mapping{
		source: r.conn, timeout: r.timeouts.Range, tenantID: r.tenantID, directory: of.EntraTenantID, managed: of.ManagedTenantID,
		revision: of.MappingRevision,
	}
	return r, nil
}

func (r *Round) open(ctx context.Context, now time.Time) error {
	locked, err := r.conn.TryLocks(ctx, r.mapping.Locks()...)
	if err != nil {
		return err
	}
	if !locked {
		return ErrInProgress
	}
	return r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		applied, err := r.mapping.Current(ctx, q)
		if err != nil {
			return err
		}
		r.mapping.applied = applied == r.mapping.revision
		if r.managed.StartedAt != nil { // an earlier attempt did not come to its end
			if err := exec(ctx, tx, r.args(everything), reportClear); err != nil {
				return err
			}
		}
		if r.mapping.applied { // else the links are to be brought in line before
			if r.last, err = r.lastRound(ctx, q); err != nil {
				return err
			}
		}
		return q.StartTenant(ctx, sqlc.StartTenantParams{Now: &now, RunID: r.runID, ManagedTenantID: r.managed.ManagedTenantID})
	})
}
