package postgres

import (
	"context"
	"fmt"
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

// Timeouts bound every statement of a round; one that passes its bound ends the
// round with errs.Deadline, reason database_timeout. A zero field takes its default.
type Timeouts struct {
	Range     time.Duration // on some thousand rows, waits for other writers included; 1 min
	Directory time.Duration // on all that was staged: indexes, statistics, sorts; 5 min
}

func (t Timeouts) orDefaults() Timeouts {
	if t.Range <= 0 {
		t.Range = rangeTimeout
	}
	if t.Directory <= 0 {
		t.Directory = 5 * time.Minute
	}
	return t
}

const (
	rangeTimeout = time.Minute
	busyRetry    = 5 * time.Second
	// decideSize is how many identities or links one transaction decides. They are
	// not locked meanwhile, so that it may be more than one applies.
	decideSize = 5 * syncengine.RangeSize
)

var errRoundInProgress = errs.New(errs.Unavailable, "round_in_progress",
	"Another run syncs this managed tenant or another one of its client at the moment.", errs.WithRetryAfter(busyRetry))

var errTooManyRounds = errs.New(errs.Unavailable, "round_in_progress",
	"As many managed tenants are synced at the moment as the service can.", errs.WithRetryAfter(busyRetry))

// Round is one round on a connection of its own. It serves one goroutine.
type Round struct {
	conn     *pg.Conn
	timeouts Timeouts
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
	r := &Round{conn: conn, timeouts: s.timeouts, leave: leave, tenantID: id.String(), tenant: rt, runID: runID, clientID: clientID}
	r.mapping = &follow{
		source: conn, timeout: s.timeouts.Range, tenantID: r.tenantID, directory: rt.EntraTenantID, managed: rt.ManagedTenantID, client: &r.clientID, revision: rt.MappingRevision,
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
	return r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		followed, err := r.mapping.current(ctx, q)
		if err != nil {
			return err
		}
		r.follows = followed == r.mapping.revision
		return q.StartTenant(ctx, sqlc.StartTenantParams{Now: &now, RunID: r.runID, ManagedTenantID: r.tenant.ManagedTenantID})
	})
}

// inRange runs fn in a transaction of the tenant on the round's connection. Its
// statements work on a few thousand rows and find them by index.
func (r *Round) inRange(ctx context.Context, fn pg.TxFunc) error {
	return pg.InTenant(ctx, r.conn, fn, pg.StatementTimeout(r.timeouts.Range), pg.ByIndex())
}

// inDirectory runs fn likewise, for statements that go through all that was staged
// or planned, once. Those that join or sort it leave ByIndex out.
func (r *Round) inDirectory(ctx context.Context, fn pg.TxFunc, how ...pg.TxOption) error {
	return pg.InTenant(ctx, r.conn, fn, append(how, pg.StatementTimeout(r.timeouts.Directory))...)
}

// eachRange calls fn for all that was staged, range by range, each in a
// transaction of its own.
func (r *Round) eachRange(ctx context.Context, step syncengine.Step, fn func(ctx context.Context, tx pgx.Tx, after, upTo int) error) error {
	for after := 0; after < r.staged; after += decideSize {
		upTo := min(after+decideSize, r.staged)
		err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, tx, after, upTo) })
		if err != nil {
			return err
		}
		if err := step(upTo - after); err != nil {
			return err
		}
	}
	return nil
}

// Restart forgets what was staged.
func (r *Round) Restart(ctx context.Context) error {
	_, err := r.conn.Raw().Exec(ctx, sqlRestart)
	r.staged = 0
	return pg.Classify(err)
}

// Prepare merges repeats and counts.
func (r *Round) Prepare(ctx context.Context, step syncengine.Step) (t syncengine.Tally, err error) {
	err = r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sqlPrepare)
		return err
	})
	if err == nil {
		err = r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error { return r.tally(ctx, tx, &t) }, pg.ByIndex())
	}
	if err == nil {
		t.Filtered = map[string]int{}
		err = r.eachRange(ctx, step, func(ctx context.Context, tx pgx.Tx, after, upTo int) error {
			return r.tallyFiltered(ctx, tx, after, upTo, t.Filtered)
		})
	}
	if err != nil {
		return syncengine.Tally{}, fmt.Errorf("preparing what was staged: %w", err)
	}
	return t, nil
}

// tally counts what was staged.
func (r *Round) tally(ctx context.Context, tx pgx.Tx, t *syncengine.Tally) error {
	err := tx.QueryRow(ctx, sqlTally, r.tenant.EntraTenantID, r.clientID).Scan(&t.Identities, &t.Failed, &t.Passed, &t.Nameless, &t.ActiveLinks)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, sqlFailures)
	if err != nil {
		return err
	}
	t.Failures, err = pgx.CollectRows(rows, pgx.RowToStructByPos[syncengine.Failure])
	return err
}

// tallyFiltered adds the range's filtered identities up, by reason.
func (r *Round) tallyFiltered(ctx context.Context, tx pgx.Tx, after, upTo int, filtered map[string]int) error {
	rows, err := tx.Query(ctx, sqlTallyFiltered, r.tenant.EntraTenantID, r.clientID, r.relinkClient(), after, upTo)
	if err != nil {
		return err
	}
	var reason string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&reason, &n}, func() error {
		filtered[reason] += n
		return nil
	})
	return err
}
