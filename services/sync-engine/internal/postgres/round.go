package postgres

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Bounds of a round's statements. Deciding works on the whole directory, a range
// on a few thousand rows.
const (
	decideTimeout = 10 * time.Minute
	rangeTimeout  = 2 * time.Minute
	busyRetry     = 5 * time.Second
	everything    = math.MaxInt32
)

var errRoundInProgress = errs.New(errs.Unavailable, "round_in_progress",
	"Another run syncs this managed tenant or another one of its client at the moment.", errs.WithRetryAfter(busyRetry))

var errTooManyRounds = errs.New(errs.Unavailable, "round_in_progress",
	"As many managed tenants are synced at the moment as the service can.", errs.WithRetryAfter(busyRetry))

// Round is one round on a connection of its own. It serves one goroutine.
type Round struct {
	conn     *pg.Conn
	leave    func() // gives its place among the rounds back
	tenantID string
	tenant   syncengine.RunTenant
	runID    uuid.UUID
	clientID uuid.UUID
	mapping  *follow // of the directory, as the round knows it
	follows  bool    // the links follow it

	staged   int
	rows     int   // written to temporary tables, restarts included
	reused   bool  // the session served rounds before
	bare     bool  // it has lost the indexes of their tables
	closed   bool  // the result is recorded
	revision int64 // of the client's head when the plan was made
	raised   int64 // by how much this round raised it since
	takes    bool  // the directory has links whose rows may be taken over
	relinks  bool  // and some that are to be given to contacts of this client
	held     bool
	last     int // n up to which the plan is applied
}

// OpenRound takes a connection and on it the locks of the directory and of the
// client, which all end with Release, and marks the tenant as running. Two
// directories of one client look for the same contacts, so they go one after the
// other, whichever runs they are of. A mapping later than the run's ends it before
// it began.
func (s *Store) OpenRound(ctx context.Context, rt syncengine.RunTenant, now time.Time) (syncengine.Round, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return nil, err
	}
	runID, err := parse(rt.RunID, syncengine.ErrUnknownRun)
	if err != nil {
		return nil, err
	}
	clientID, err := parse(rt.ClientID, errUnknownClient)
	if err != nil {
		return nil, err
	}
	select {
	case s.rounds <- struct{}{}:
	default:
		return nil, errTooManyRounds
	}
	leave := sync.OnceFunc(func() { <-s.rounds })
	conn, err := pg.Dedicated(ctx, s.pool)
	if err != nil {
		leave()
		return nil, err
	}
	r := &Round{conn: conn, leave: leave, tenantID: id.String(), tenant: rt, runID: runID, clientID: clientID}
	r.mapping = &follow{
		source: conn, tenantID: r.tenantID, directory: rt.EntraTenantID, managed: rt.ManagedTenantID, client: &r.clientID, revision: rt.MappingRevision,
	}
	if err := r.open(ctx, now); err != nil {
		r.Release()
		return nil, err
	}
	return r, nil
}

func (r *Round) open(ctx context.Context, now time.Time) error {
	for _, key := range []string{directoryLock(r.tenantID, r.tenant.EntraTenantID), clientLock(r.tenantID, r.clientID)} {
		locked, err := r.conn.TryLock(ctx, key)
		if err != nil {
			return err
		}
		if !locked {
			return errRoundInProgress
		}
	}
	if err := r.prepareSession(ctx); err != nil {
		return err
	}
	return r.in(ctx, rangeTimeout, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		followed, err := r.mapping.current(ctx, q)
		if err != nil {
			return err
		}
		r.follows = followed == r.mapping.revision
		return q.StartTenant(ctx, sqlc.StartTenantParams{Now: &now, RunID: r.runID, ManagedTenantID: r.tenant.ManagedTenantID})
	})
}

// in runs fn in a transaction of the tenant on the round's connection.
func (r *Round) in(ctx context.Context, timeout time.Duration, fn pg.TxFunc) error {
	return pg.InTenant(ctx, r.conn, fn, pg.StatementTimeout(timeout))
}

// Restart forgets what was staged.
func (r *Round) Restart(ctx context.Context) error {
	_, err := r.conn.Raw().Exec(ctx, sqlRestart)
	r.staged = 0
	return pg.Classify(err)
}

// Prepare merges repeats and counts.
func (r *Round) Prepare(ctx context.Context) (syncengine.Tally, error) {
	var t syncengine.Tally
	err := r.in(ctx, decideTimeout, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlPrepare); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, sqlTally, r.tenant.EntraTenantID, r.clientID).Scan(&t.Identities, &t.Failed, &t.Passed, &t.Nameless, &t.ActiveLinks)
		if err != nil {
			return err
		}
		if t.Filtered, err = counts(ctx, tx, sqlTallyFiltered, r.tenant.EntraTenantID, r.clientID, r.relinkClient()); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlFailures)
		if err != nil {
			return err
		}
		t.Failures, err = pgx.CollectRows(rows, pgx.RowToStructByPos[syncengine.Failure])
		return err
	})
	if err != nil {
		return syncengine.Tally{}, fmt.Errorf("preparing what was staged: %w", err)
	}
	return t, nil
}

// counts reads rows of a reason and a number.
func counts(ctx context.Context, tx pgx.Tx, sql string, args ...any) (map[string]int, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	var reason string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&reason, &n}, func() error {
		out[reason] = n
		return nil
	})
	return out, err
}
