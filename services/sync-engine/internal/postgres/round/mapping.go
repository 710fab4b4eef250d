package round

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var (
	//go:embed mapping_next.sql
	mappingNext string
	//go:embed mapping_clients.sql
	mappingClients string
	//go:embed mapping_range.sql
	mappingRange string
)

// ErrUnknownClient is returned for a client's id that is none.
var ErrUnknownClient = errs.Of(reason.UnknownClient)

// DirectoryLock is the key of the lock that a round of the directory holds.
func DirectoryLock(tenantID, directory string) string { return "round:" + tenantID + ":" + directory }

// ClientLock is the key of the lock that rounds of the client's directories hold.
func ClientLock(tenantID string, client uuid.UUID) string {
	return "client:" + tenantID + ":" + client.String()
}

// Mapping is one revision of what a directory is mapped to, with which its links
// are brought in line.
type Mapping struct {
	source    pg.Source
	timeout   time.Duration // of a statement
	tenantID  string
	directory string
	managed   string
	client    *uuid.UUID // nil when none is mapped
	revision  int64
}

// NewMapping works on a pool, or on a connection that holds the locks.
func NewMapping(source pg.Source, timeout time.Duration, tenantID string, m syncengine.MappingRevision) (*Mapping, error) {
	mapping := &Mapping{
		source: source, timeout: timeout, tenantID: tenantID, directory: m.EntraTenantID, managed: m.ManagedTenantID, revision: m.Revision,
	}
	if m.ClientID == "" {
		return mapping, nil
	}
	client, err := uuid.Parse(m.ClientID)
	if err != nil {
		return nil, ErrUnknownClient
	}
	mapping.client = &client
	return mapping, nil
}

// On is the same revision on another source.
func (m *Mapping) On(source pg.Source) *Mapping {
	moved := *m
	moved.source = source
	return &moved
}

// Client is the client that the directory is mapped to, nil when it is to none.
func (m *Mapping) Client() *uuid.UUID { return m.client }

// Locks are the keys of the locks that Apply needs, of the directory and of the
// client whose links are reactivated, as rounds take them.
func (m *Mapping) Locks() []string {
	keys := []string{DirectoryLock(m.tenantID, m.directory)}
	if m.client != nil {
		keys = append(keys, ClientLock(m.tenantID, *m.client))
	}
	return keys
}

func (m *Mapping) in(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx, q *sqlc.Queries) error) error {
	return pg.InTenant(ctx, m.source, func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, tx, sqlc.New(tx)) },
		pg.StatementTimeout(m.timeout), pg.ByIndex())
}

// Announce records the revision, so that rounds and decisions of an older one stop.
// done when the links are in line with it already.
func (m *Mapping) Announce(ctx context.Context, now time.Time) (done bool, err error) {
	err = m.in(ctx, func(ctx context.Context, _ pgx.Tx, q *sqlc.Queries) error {
		err := q.AnnounceMapping(ctx, sqlc.AnnounceMappingParams{
			TenantID: m.tenantID, EntraTenantID: m.directory, ManagedTenantID: m.managed, ClientID: m.client, Revision: m.revision, Now: now,
		})
		if err != nil {
			return err
		}
		applied, err := m.Current(ctx, q)
		done = applied == m.revision
		return err
	})
	if err != nil {
		return false, fmt.Errorf("announcing the mapping: %w", err)
	}
	return done, nil
}

// Current is the revision that the directory's links are in line with;
// ErrMappingChanged when a later one than ours was announced, ErrMappingDiffers
// when ours was with another client.
func (m *Mapping) Current(ctx context.Context, q *sqlc.Queries) (applied int64, err error) {
	row, err := q.GetDirectoryMapping(ctx, m.directory)
	switch {
	case pg.NoRows(err):
		return -1, nil
	case err != nil:
		return 0, err
	case row.Revision > m.revision:
		return 0, syncengine.ErrMappingChanged
	case row.Revision == m.revision && pg.ID(row.ClientID) != pg.ID(m.client):
		return 0, syncengine.ErrMappingDiffers
	}
	return row.FollowedRevision, nil
}

// Apply brings the links in line range by range, each at its time, and counts those
// that were reactivated. It needs the locks.
func (m *Mapping) Apply(ctx context.Context, now func() time.Time, step syncengine.Step) (reactivated int, err error) {
	for after, done := "", false; !done; {
		seen := 0
		err := m.in(ctx, func(ctx context.Context, tx pgx.Tx, q *sqlc.Queries) error {
			if _, err := m.Current(ctx, q); err != nil {
				return err
			}
			args := pgx.NamedArgs{
				"tenant": m.tenantID, "directory": m.directory, "client": m.client, "at": now(), "after_id": after, "limit": syncengine.RangeSize,
			}
			var upTo *string
			if err := tx.QueryRow(ctx, mappingNext, args).Scan(&upTo, &seen); err != nil {
				return err
			}
			if done = upTo == nil; done {
				return m.applied(ctx, q, now())
			}
			args["up_to_id"] = *upTo
			clients, err := uuids(ctx, tx, mappingClients, args)
			if err != nil {
				return err
			}
			if err := q.RaiseClientHeads(ctx, sqlc.RaiseClientHeadsParams{TenantID: m.tenantID, ClientIds: clients}); err != nil {
				return err
			}
			var n int
			if err := tx.QueryRow(ctx, mappingRange, args).Scan(&n); err != nil {
				return err
			}
			after, reactivated = *upTo, reactivated+n
			return nil
		})
		if err == nil && !done {
			err = step(seen)
		}
		if err != nil {
			return reactivated, fmt.Errorf("applying the mapping: %w", err)
		}
	}
	return reactivated, nil
}

// applied records that the links are in line with the revision. The next round
// lists everything.
func (m *Mapping) applied(ctx context.Context, q *sqlc.Queries, now time.Time) error {
	if err := q.ForgetDeltaLink(ctx, m.directory); err != nil {
		return err
	}
	return q.MappingApplied(ctx, sqlc.MappingAppliedParams{Revision: m.revision, Now: now, EntraTenantID: m.directory})
}

// uuids reads ids.
func uuids(ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}
