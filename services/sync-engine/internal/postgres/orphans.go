package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Orphans are the orphaned links of one directory under a decision, on a
// connection that holds the locks of a round.
type Orphans struct {
	conn     *pg.Conn
	leave    func() // ends the connection and gives its place back
	tenantID string
	mapping  *follow // what was decided on
	decision uuid.UUID
	relink   *uuid.UUID // the client that gets the links; nil when they end
	by       string
	now      time.Time
	last     string // the last identity that Next came to
}

// Decision is syncengine.OrphanStore's.
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

// OpenOrphans is syncengine.OrphanStore's.
func (s *Store) OpenOrphans(ctx context.Context, d syncengine.OrphanDecision, now time.Time) (syncengine.Orphans, error) {
	tenantID, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	id, err := parse(d.ID, syncengine.ErrDecisionDiffers)
	if err != nil {
		return nil, err
	}
	f, err := s.follower(s.pool, tenantID, d.Mapping)
	if err != nil {
		return nil, err
	}
	// A round of an older mapping makes way, if the mapping's own effect did not see to it yet.
	if _, err := f.announce(ctx, now); err != nil {
		return nil, err
	}
	conn, leave, err := s.decisionConn(ctx)
	if err != nil {
		return nil, err
	}
	o := &Orphans{conn: conn, leave: leave, tenantID: tenantID, mapping: f, decision: id, by: d.DecidedBy, now: now}
	if d.Decision == syncengine.DecisionRelink {
		o.relink = f.client
	}
	if err := o.begin(ctx, d); err != nil {
		o.Release()
		return nil, err
	}
	return o, nil
}

// begin takes the locks, has the links follow the mapping and records the
// decision, which may be recorded from an attempt before.
func (o *Orphans) begin(ctx context.Context, d syncengine.OrphanDecision) error {
	f := o.mapping
	if err := waitForLocks(ctx, o.conn, f.locks()); err != nil {
		return err
	}
	f.source = o.conn
	done, err := f.announce(ctx, o.now) // it may have moved while we waited
	if err == nil && !done {
		_, err = f.links(ctx, o.now, unreported)
	}
	if err != nil {
		return err
	}
	err = o.in(ctx, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		err := q.InsertDecision(ctx, sqlc.InsertDecisionParams{
			TenantID: o.tenantID, ID: o.decision, EntraTenantID: d.Mapping.EntraTenantID, ManagedTenantID: d.Mapping.ManagedTenantID,
			ClientID: f.client, MappingRevision: d.Mapping.Revision, Decision: d.Decision, DecidedBy: d.DecidedBy, Now: o.now,
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

// Next is syncengine.Orphans'.
func (o *Orphans) Next(ctx context.Context) (done bool, err error) {
	upTo := ""
	err = o.in(ctx, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if _, err := o.mapping.current(ctx, q); err != nil {
			return err
		}
		if upTo, _, err = nextRange(ctx, tx, sqlOrphansNext, o.mapping.directory, o.decision, o.last); err != nil || upTo == "" {
			return err
		}
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
// written: who reads the feed has nothing to learn yet.
func (o *Orphans) mark(ctx context.Context, q *sqlc.Queries, upTo string) error {
	marked, err := q.MarkOrphans(ctx, sqlc.MarkOrphansParams{
		EntraTenantID: o.mapping.directory, DecisionID: &o.decision, ClientID: o.relink, After: o.last, UpTo: upTo,
	})
	if err != nil {
		return err
	}
	return q.CountDecided(ctx, sqlc.CountDecidedParams{ID: o.decision, Marked: int32(marked)}) // at most a range
}

// end ends the range's links. Their contacts stay where they are.
func (o *Orphans) end(ctx context.Context, tx pgx.Tx, upTo string) error {
	clients, err := uuids(ctx, tx, sqlOrphansClients, o.mapping.directory, o.last, upTo)
	if err != nil {
		return err
	}
	q := sqlc.New(tx)
	if err := q.RaiseClientHeads(ctx, sqlc.RaiseClientHeadsParams{TenantID: o.tenantID, ClientIds: clients}); err != nil {
		return err
	}
	var ended int32
	err = tx.QueryRow(ctx, sqlOrphansEnd, o.tenantID, o.mapping.directory, o.decision, o.last, upTo, o.by, o.now).Scan(&ended)
	if err != nil {
		return err
	}
	return q.CountDecided(ctx, sqlc.CountDecidedParams{ID: o.decision, Ended: ended})
}

// Close is syncengine.Orphans'. The directory's next round is a full one: it has
// identities that are new to the client.
func (o *Orphans) Close(ctx context.Context, now time.Time) (result syncengine.OrphanResult, err error) {
	err = o.in(ctx, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if err := q.ForgetDeltaLink(ctx, o.mapping.directory); err != nil {
			return err
		}
		orphaned, err := q.CountOrphans(ctx, o.mapping.directory)
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
	return pg.InTenant(ctx, o.conn, fn, pg.StatementTimeout(o.mapping.timeout), pg.ByIndex())
}
