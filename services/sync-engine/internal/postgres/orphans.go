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

// Orphans are the orphaned links of one directory under a decision. What is to be
// relinked is decided and applied as a round does it.
type Orphans struct {
	*Round
	decision uuid.UUID
	relink   *uuid.UUID // the client that gets the links; nil when they are left
	by       string
	now      time.Time
	parted   string // the last identity that PartNext came to
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
		row.Decision != d.Decision || row.DecidedBy != d.DecidedBy || optionalUUID(row.ClientID) != m.ClientID {
		return syncengine.ErrDecisionDiffers
	}
	return nil
}

func resultOf(row sqlc.GetDecisionRow) syncengine.OrphanResult {
	return syncengine.OrphanResult{
		Relinked: int(row.Relinked), Created: int(row.Created), Left: int(row.Ended), Ambiguous: int(row.Ambiguous), Orphaned: int(row.Orphaned),
	}
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
	o := &Orphans{decision: id, by: d.DecidedBy, now: now, Round: &Round{
		conn: conn, leave: leave, tenantID: tenantID, source: "person", mapping: f, follows: true, tenant: syncengine.RunTenant{
			ManagedTenantID: d.Mapping.ManagedTenantID, EntraTenantID: d.Mapping.EntraTenantID, ClientID: d.Mapping.ClientID,
			MappingRevision: d.Mapping.Revision,
		},
	}}
	if f.client != nil {
		o.clientID = *f.client
	}
	if d.Decision == syncengine.DecisionRelink {
		o.relink = f.client
	}
	o.count = o.countOfDecision
	if err := o.begin(ctx, f, d); err != nil {
		o.Release()
		return nil, err
	}
	return o, nil
}

// begin takes the locks, has the links follow the mapping and records the
// decision, which may be recorded from an attempt before.
func (o *Orphans) begin(ctx context.Context, f *follow, d syncengine.OrphanDecision) error {
	if err := waitForLocks(ctx, o.conn, f.locks()); err != nil {
		return err
	}
	if err := o.prepareSession(ctx); err != nil {
		return err
	}
	f.source = o.conn
	done, err := f.announce(ctx, o.now) // it may have moved while we waited
	if err == nil && !done {
		_, err = f.links(ctx, o.now)
	}
	if err != nil {
		return err
	}
	err = o.in(ctx, rangeTimeout, func(ctx context.Context, tx pgx.Tx) error {
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

// PartNext is syncengine.Orphans'.
func (o *Orphans) PartNext(ctx context.Context) (done bool, err error) {
	directory, upTo := o.tenant.EntraTenantID, ""
	err = o.in(ctx, rangeTimeout, func(ctx context.Context, tx pgx.Tx) error {
		if err := o.checkRevision(ctx, tx); err != nil {
			return err
		}
		if upTo, err = nextRange(ctx, tx, sqlPartNext, directory, o.decision, o.parted); err != nil || upTo == "" {
			return err
		}
		clients, err := uuids(ctx, tx, sqlPartClients, directory, o.parted, upTo)
		if err != nil {
			return err
		}
		q := sqlc.New(tx)
		if err := q.RaiseClientHeads(ctx, sqlc.RaiseClientHeadsParams{TenantID: o.tenantID, ClientIds: clients}); err != nil {
			return err
		}
		var ended int32
		err = tx.QueryRow(ctx, sqlPartRange, o.tenantID, directory, o.decision, o.relink, o.parted, upTo, o.by, o.now).Scan(&ended)
		if err != nil {
			return err
		}
		return q.CountDecided(ctx, sqlc.CountDecidedParams{ID: o.decision, Ended: ended})
	})
	if err != nil {
		return false, fmt.Errorf("parting the links after a range: %w", err)
	}
	if upTo != "" {
		o.parted = upTo
	}
	return upTo == "", nil
}

// Page is syncengine.Orphans'.
func (o *Orphans) Page(ctx context.Context, after string, limit int) (page []syncengine.Orphan, err error) {
	err = o.in(ctx, rangeTimeout, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := sqlc.New(tx).ListOrphans(ctx, sqlc.ListOrphansParams{
			EntraTenantID: o.tenant.EntraTenantID, DecisionID: o.decision, After: after, Size: int32(limit), //nolint:gosec // a few thousand
		})
		page = make([]syncengine.Orphan, len(rows))
		for i, row := range rows {
			page[i] = syncengine.Orphan{
				ObjectID: row.EntraObjectID, FullName: row.FullName, Email: row.Email, Phone: row.Phone, Role: row.Role,
				UserPrincipalName: value(row.EntraUserPrincipalName), Enabled: row.EntraAccountEnabled,
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing orphaned links: %w", err)
	}
	return page, nil
}

// Decide is syncengine.Orphans'.
func (o *Orphans) Decide(ctx context.Context, rules syncengine.Rules) error {
	err := o.in(ctx, decideTimeout, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sqlPrepare)
		return err
	})
	if err != nil {
		return fmt.Errorf("preparing what was staged: %w", err)
	}
	_, err = o.Round.Decide(ctx, rules, false)
	return err
}

func (o *Orphans) countOfDecision(ctx context.Context, tx pgx.Tx, written syncengine.Outcomes) error {
	return sqlc.New(tx).CountDecided(ctx, sqlc.CountDecidedParams{
		ID: o.decision, Relinked: int32(written.Created + written.Linked), Created: int32(written.Created), //nolint:gosec // at most a range
	})
}

// Close is syncengine.Orphans'. The directory's next round is a full one: it has
// identities that are new to the client.
func (o *Orphans) Close(ctx context.Context, ambiguous int, now time.Time) (result syncengine.OrphanResult, err error) {
	err = o.in(ctx, rangeTimeout, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if err := q.ForgetDeltaLink(ctx, o.tenant.EntraTenantID); err != nil {
			return err
		}
		orphaned, err := q.CountOrphans(ctx, o.tenant.EntraTenantID)
		if err != nil {
			return err
		}
		err = q.CompleteDecision(ctx, sqlc.CompleteDecisionParams{
			ID: o.decision, Ambiguous: int32(ambiguous), Orphaned: orphaned, Now: now, //nolint:gosec // a count of users
		})
		if err != nil {
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
