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

// follow has a directory's links follow its mapping. It needs the directory's
// lock, and that of the client whose links take up again.
type follow struct {
	source    pg.Source
	timeout   time.Duration // of a statement
	tenantID  string
	directory string
	managed   string
	client    *uuid.UUID // nil when none is mapped
	revision  int64
}

func (s *Store) follower(source pg.Source, tenantID string, m syncengine.MappingRevision) (*follow, error) {
	f := &follow{source: source, timeout: s.timeouts.Range, tenantID: tenantID, directory: m.EntraTenantID, managed: m.ManagedTenantID, revision: m.Revision}
	if m.ClientID == "" {
		return f, nil
	}
	client, err := parse(m.ClientID, errUnknownClient)
	f.client = &client
	return f, err
}

func (f *follow) in(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx, q *sqlc.Queries) error) error {
	return pg.InTenant(ctx, f.source, func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, tx, sqlc.New(tx)) },
		pg.StatementTimeout(f.timeout), pg.ByIndex())
}

// announce tells the revision to whoever writes for an older one. done when the
// links follow it already.
func (f *follow) announce(ctx context.Context, now time.Time) (done bool, err error) {
	err = f.in(ctx, func(ctx context.Context, _ pgx.Tx, q *sqlc.Queries) error {
		err := q.AnnounceMapping(ctx, sqlc.AnnounceMappingParams{
			TenantID: f.tenantID, EntraTenantID: f.directory, ManagedTenantID: f.managed, ClientID: f.client, Revision: f.revision, Now: now,
		})
		if err != nil {
			return err
		}
		followed, err := f.current(ctx, q)
		done = followed == f.revision
		return err
	})
	if err != nil {
		return false, fmt.Errorf("announcing the mapping: %w", err)
	}
	return done, nil
}

// current is the revision that the directory's links follow; ErrMappingChanged
// when a later one than ours was announced, ErrMappingDiffers when ours was with
// another client.
func (f *follow) current(ctx context.Context, q *sqlc.Queries) (followed int64, err error) {
	row, err := q.GetDirectoryMapping(ctx, f.directory)
	switch {
	case pg.NoRows(err):
		return -1, nil
	case err != nil:
		return 0, err
	case row.Revision > f.revision:
		return 0, syncengine.ErrMappingChanged
	case row.Revision == f.revision && pg.ID(row.ClientID) != pg.ID(f.client):
		return 0, syncengine.ErrMappingDiffers
	}
	return row.FollowedRevision, nil
}

// links marks the links range by range and counts those that took up again.
func (f *follow) links(ctx context.Context, now time.Time, step syncengine.Step) (reactivated int, err error) {
	for after, done := "", false; !done; {
		seen := 0
		err := f.in(ctx, func(ctx context.Context, tx pgx.Tx, q *sqlc.Queries) error {
			if _, err := f.current(ctx, q); err != nil {
				return err
			}
			upTo, links, err := nextRange(ctx, tx, sqlFollowNext, f.directory, f.client, after)
			if err != nil {
				return err
			}
			if upTo == "" {
				done = true
				if err := q.ForgetDeltaLink(ctx, f.directory); err != nil {
					return err
				}
				return q.FollowedMapping(ctx, sqlc.FollowedMappingParams{Revision: f.revision, Now: now, EntraTenantID: f.directory})
			}
			var n int
			if err := tx.QueryRow(ctx, sqlFollowRange, f.tenantID, f.directory, f.client, after, upTo, now).Scan(&n); err != nil {
				return err
			}
			after, reactivated, seen = upTo, reactivated+n, links
			return nil
		})
		if err == nil && !done {
			err = step(seen)
		}
		if err != nil {
			return reactivated, fmt.Errorf("following the mapping: %w", err)
		}
	}
	return reactivated, nil
}

// Follow is syncengine.Round's.
func (r *Round) Follow(ctx context.Context, now time.Time, step syncengine.Step) error {
	if r.follows {
		return nil
	}
	done, err := r.mapping.announce(ctx, now)
	if err == nil && !done {
		_, err = r.mapping.links(ctx, now, step)
	}
	r.follows = err == nil
	return err
}

// nextRange is the last identity of the next range, empty after the last, and how
// many links it has.
func nextRange(ctx context.Context, tx pgx.Tx, sql string, directory string, id any, after string) (last string, links int, err error) {
	var upTo *string
	err = tx.QueryRow(ctx, sql, directory, id, after, syncengine.RangeSize).Scan(&upTo, &links)
	return pg.Text(upTo), links, err
}

// FollowMapping is syncengine.MappingFollower's.
func (s *Store) FollowMapping(ctx context.Context, m syncengine.MappingRevision, now time.Time) (revised syncengine.Revised, err error) {
	tenantID, err := tenantOf(ctx)
	if err != nil {
		return revised, err
	}
	f, err := s.follower(s.pool, tenantID, m)
	if err != nil {
		return revised, err
	}
	done, err := f.announce(ctx, now)
	if err == nil && !done {
		revised.Reactivated, err = s.followAlone(ctx, f, now)
	}
	if err != nil && !isStale(err) { // a later mapping is followed by its own effect
		return revised, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		n, err := q.CountOrphans(ctx, m.EntraTenantID)
		revised.Orphaned = int(n)
		return err
	}, pg.ReadOnly())
	return revised, err
}

// followAlone does it on a connection that holds the locks.
func (s *Store) followAlone(ctx context.Context, f *follow, now time.Time) (reactivated int, err error) {
	conn, leave, err := s.decisionConn(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	if err := waitForLocks(ctx, conn, f.locks()); err != nil {
		return 0, err
	}
	f.source = conn
	return f.links(ctx, now, unreported)
}

// unreported is the step of work that nobody watches.
func unreported(int) error { return nil }

// locks are the keys of the directory and of the client, as rounds take them.
func (f *follow) locks() []string {
	keys := []string{directoryLock(f.tenantID, f.directory)}
	if f.client != nil {
		keys = append(keys, clientLock(f.tenantID, *f.client))
	}
	return keys
}
