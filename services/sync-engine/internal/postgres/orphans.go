package postgres

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var (
	//go:embed orphans/next.sql
	orphansNext string
	//go:embed orphans/clients.sql
	orphansClients string
	//go:embed orphans/end.sql
	orphansEnd string
)

// Orphans are the orphaned links of one directory under a decision, on a
// connection that holds the locks of a round.
type Orphans struct {
	conn      *pg.Conn
	timeout   time.Duration // of a statement
	leave     func()        // ends the connection and gives its place back
	tenantID  string
	mapping   *round.Mapping // what was decided on
	directory string
	decision  uuid.UUID
	relink    *uuid.UUID // the client that gets the links; nil when they end
	by        string
	now       time.Time        // of the decision
	clock     func() time.Time // of its ranges, in the feed
	last      string           // the last identity that Next came to
}

// Decision implements syncengine.OrphanStore.
func (s *Store) Decision(ctx context.Context, d syncengine.OrphanDecision) (result syncengine.OrphanResult, done bool, err error) {
	id, err := parse(d.ID, syncengine.ErrDecisionDiffers)
	if err != nil {
		return result, false, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		row, err := q.GetDecision(ctx, id)
		if pg.NoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		result, done = resultOf(row), row.CompletedAt != nil
		return sameDecision(row, d)
	}, pg.ReadOnly())
	return result, done, err
}

func sameDecision(row sqlc.GetDecisionRow, d syncengine.OrphanDecision) error {
	m := d.Mapping
	if row.EntraTenantID != m.EntraTenantID || row.ManagedTenantID != m.ManagedTenantID || row.MappingRevision != m.Revision ||
		row.Decision != d.Decision || row.DecidedBy != d.DecidedBy || pg.ID(row.ClientID) != m.ClientID {
		return syncengine.ErrDecisionDiffers
	}
	return nil
}

func resultOf(row sqlc.GetDecisionRow) syncengine.OrphanResult {
	return syncengine.OrphanResult{Relinking: int(row.Marked), Left: int(row.Ended), Orphaned: int(row.Orphaned)}
}

// OpenOrphans implements syncengine.OrphanStore.
func (s *Store) OpenOrphans(ctx context.Context, d syncengine.OrphanDecision, now func() time.Time) (syncengine.Orphans, error) {
	tenantID, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	id, err := parse(d.ID, syncengine.ErrDecisionDiffers)
	if err != nil {
		return nil, err
	}
	mapping, err := round.NewMapping(s.pool, s.timeouts.Range, tenantID, d.Mapping)
	if err != nil {
		return nil, err
	}
	// A round of an older mapping stops, if the mapping's own effect did not see to it yet.
	if _, err := mapping.Announce(ctx, now()); err != nil {
		return nil, err
	}
	conn, leave, err := s.decisionConn(ctx)
	if err != nil {
		return nil, err
	}
	o := &Orphans{
		conn: conn, leave: leave, timeout: s.timeouts.Range, tenantID: tenantID, mapping: mapping.On(conn), directory: d.Mapping.EntraTenantID,
		decision: id, by: d.DecidedBy, now: now(), clock: now,
	}
	if d.Decision == syncengine.DecisionRelink {
		o.relink = mapping.Client()
	}
	if err := o.begin(ctx, d); err != nil {
		o.Release()
		return nil, err
	}
	return o, nil
}

// begin takes the locks, applies the mapping revision to the links and records the
// decision, which may be recorded from an attempt before.
func (o *Orphans) begin(ctx context.Context, d syncengine.OrphanDecision) error {
	if err := waitForLocks(ctx, o.conn, o.mapping.Locks()); err != nil {
		return err
	}
	done, err := o.mapping.Announce(ctx, o.now) // it may have moved while we waited
	if err == nil && !done {
		_, err = o.mapping.Apply(ctx, o.clock, unreported)
	}
	if err != nil {
		return err
	}
	err = o.in(ctx, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		err := q.InsertDecision(ctx, sqlc.InsertDecisionParams{
			TenantID: o.tenantID, ID: o.decision, EntraTenantID: d.Mapping.EntraTenantID, ManagedTenantID: d.Mapping.ManagedTenantID,
			ClientID: o.mapping.Client(), MappingRevision: d.Mapping.Revision, Decision: d.Decision, DecidedBy: d.DecidedBy, Now: o.now,
		})
		if err != nil {
			return err
		}
		row, err := q.GetDecision(ctx, o.decision)
		if err != nil {
			return err
		}
		return sameDecision(row, d)
	})
	if err != nil {
		return fmt.Errorf("recording the decision: %w", err)
	}
	return nil
}

// Next implements syncengine.Orphans.
func (o *Orphans) Next(ctx context.Context) (done bool, err error) {
	upTo := ""
	err = o.in(ctx, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if _, err := o.mapping.Current(ctx, q); err != nil {
			return err
		}
		var last *string
		if err := tx.QueryRow(ctx, orphansNext, o.args(upTo)).Scan(&last, nil); err != nil || last == nil {
			return err
		}
		upTo = *last
		if o.relink != nil {
			return o.mark(ctx, q, upTo)
		}
		return o.end(ctx, tx, upTo)
	})
	if err != nil {
		return false, fmt.Errorf("doing what was decided: %w", err)
	}
	if upTo != "" {
		o.last = upTo
	}
	return upTo == "", nil
}

// mark has rounds count the range's identities as not linked. No contact is
// written: nothing that the feed shows has changed yet.
func (o *Orphans) mark(ctx context.Context, q *sqlc.Queries, upTo string) error {
	marked, err := q.MarkOrphans(ctx, sqlc.MarkOrphansParams{
		EntraTenantID: o.directory, DecisionID: &o.decision, ClientID: o.relink, After: o.last, UpTo: upTo,
	})
	if err != nil {
		return err
	}
	return q.CountDecided(ctx, sqlc.CountDecidedParams{ID: o.decision, Marked: int32(marked)}) // at most a range
}

// args are the arguments of the statements for a range up to an identity.
func (o *Orphans) args(upTo string) pgx.NamedArgs {
	return pgx.NamedArgs{
		"tenant": o.tenantID, "directory": o.directory, "decision": o.decision, "after_id": o.last, "up_to_id": upTo,
		"limit": syncengine.RangeSize, "decided_by": o.by, "now": o.now, "at": o.clock(),
	}
}

// clients are those at which the contacts of the range's links are.
func (o *Orphans) clients(ctx context.Context, tx pgx.Tx, upTo string) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, orphansClients, o.args(upTo))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// end ends the range's links. Their contacts stay where they are.
func (o *Orphans) end(ctx context.Context, tx pgx.Tx, upTo string) error {
	clients, err := o.clients(ctx, tx, upTo)
	if err != nil {
		return err
	}
	q := sqlc.New(tx)
	if err := q.RaiseClientHeads(ctx, sqlc.RaiseClientHeadsParams{TenantID: o.tenantID, ClientIds: clients}); err != nil {
		return err
	}
	var ended int32
	err = tx.QueryRow(ctx, orphansEnd, o.args(upTo)).Scan(&ended)
	if err != nil {
		return err
	}
	return q.CountDecided(ctx, sqlc.CountDecidedParams{ID: o.decision, Ended: ended})
}

// Close implements syncengine.Orphans. The directory's next round is a full one: it has
// identities that are new to the client.
func (o *Orphans) Close(ctx context.Context, now time.Time) (result syncengine.OrphanResult, err error) {
	err = o.in(ctx, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if err := q.ForgetDeltaLink(ctx, o.directory); err != nil {
			return err
		}
		orphaned, err := q.CountOrphans(ctx, o.directory)
		if err != nil {
			return err
		}
		if err := q.CompleteDecision(ctx, sqlc.CompleteDecisionParams{ID: o.decision, Orphaned: orphaned, Now: now}); err != nil {
			return err
		}
		row, err := q.GetDecision(ctx, o.decision)
		result = resultOf(row)
		return err
	})
	if err != nil {
		return result, fmt.Errorf("closing the decision: %w", err)
	}
	return result, nil
}

// Release ends the connection, and with it the locks.
func (o *Orphans) Release() { o.leave() }

// in runs fn in a transaction of the tenant on the connection that holds the locks.
func (o *Orphans) in(ctx context.Context, fn pg.TxFunc) error {
	return pg.InTenant(ctx, o.conn, fn, pg.StatementTimeout(o.timeout), pg.ByIndex())
}
