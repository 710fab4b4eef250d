// Package postgres keeps discoveries and managed tenants in PostgreSQL.
package postgres

import (
	"context"
	_ "embed"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
	"github.com/entrasync/entrasync/services/discovery/internal/postgres/sqlc"
)

// Context names the schema and the roles of this service.
const Context = "discovery"

//go:embed bulk/upsert_managed_tenants.sql
var upsertManagedTenants string

// Store keeps discoveries and managed tenants of the tenant that ctx works for.
type Store struct {
	pool *pg.Pool
}

// NewStore makes a store on a pool of this context.
func NewStore(pool *pg.Pool) *Store { return &Store{pool: pool} }

// Begin stores a discovery as running; the result of one that has completed.
func (s *Store) Begin(ctx context.Context, operationID string, at time.Time) (*discovery.Result, error) {
	id, err := operation(operationID)
	if err != nil {
		return nil, err
	}
	var done *discovery.Result
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		done = nil
		q := sqlc.New(tx)
		begun, err := q.BeginDiscovery(ctx, sqlc.BeginDiscoveryParams{ID: id, StartedAt: at})
		if err != nil || begun > 0 {
			return err
		}
		done, err = completed(ctx, q, id)
		return err
	})
	return done, err
}

func completed(ctx context.Context, q *sqlc.Queries, id uuid.UUID) (*discovery.Result, error) {
	row, err := q.CompletedDiscovery(ctx, id)
	if err != nil {
		return nil, err
	}
	return &discovery.Result{
		Discovered: number(row.DiscoveredTenantCount), Unreadable: number(row.UnreadableCount), Gone: number(row.GoneCount),
	}, nil
}

// Complete writes a complete listing and completes the discovery, in one
// transaction; the result of one that has completed already. Discoveries of one
// tenant complete one after the other.
func (s *Store) Complete(ctx context.Context, operationID string, found []discovery.Found, at time.Time) (discovery.Result, error) {
	id, err := operation(operationID)
	if err != nil {
		return discovery.Result{}, err
	}
	var result discovery.Result
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if err := q.EnsureHead(ctx); err != nil {
			return err
		}
		head, err := q.LockHead(ctx)
		if err != nil {
			return err
		}
		done, err := completed(ctx, q, id)
		if err == nil { // by a concurrent call of the same operation
			result = *done
			return nil
		}
		if !pg.NoRows(err) {
			return err
		}
		old, err := q.NewerCompleted(ctx, id)
		if err != nil {
			return err
		}
		result = discovery.Result{Discovered: int32(len(found))}
		if !old {
			if result.Gone, err = write(ctx, tx, q, found, head.LastCompletedAt, at); err != nil {
				return err
			}
		}
		if result.Unreadable, err = q.CountUnreadable(ctx); err != nil {
			return err
		}
		closed, err := q.CompleteDiscovery(ctx, sqlc.CompleteDiscoveryParams{
			ID: id, CompletedAt: &at, Discovered: &result.Discovered, Unreadable: &result.Unreadable, Gone: &result.Gone,
		})
		if err != nil {
			return err
		}
		if closed == 0 {
			return errs.Of(reason.DiscoveryNotFound)
		}
		if old {
			return nil // the last discovery is still the newer one
		}
		return q.MoveHead(ctx, sqlc.MoveHeadParams{ID: &id, CompletedAt: &at})
	})
	return result, err
}

// write writes what a listing found and gives how many managed tenants are gone by it.
func write(ctx context.Context, tx pgx.Tx, q *sqlc.Queries, found []discovery.Found, before *time.Time, at time.Time) (int32, error) {
	rows, err := newColumns(found)
	if err != nil {
		return 0, err
	}
	if err := writeTenants(ctx, tx, q, rows, at); err != nil {
		return 0, err
	}
	gone, err := q.MarkGone(ctx, sqlc.MarkGoneParams{At: &at, Before: before, Listed: rows.entraTenantID})
	return int32(gone), err
}

// writeTenants writes what differs, and the domains of what was written.
func writeTenants(ctx context.Context, tx pgx.Tx, q *sqlc.Queries, rows columns, at time.Time) error {
	changed, err := upsert(ctx, tx, rows, at)
	if err != nil || len(changed) == 0 {
		return err
	}
	if err := q.DropDomains(ctx, changed); err != nil {
		return err
	}
	return q.AddDomains(ctx, changed)
}

func upsert(ctx context.Context, tx pgx.Tx, c columns, at time.Time) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, upsertManagedTenants, at, c.id, c.entraTenantID, c.displayName, c.nameKey, c.primaryDomain,
		c.domains, c.userCount, c.problemCode, c.problemMessage, c.problemRemedy, c.accessEndsAt, c.passing)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// columns are the rows of a listing as the arrays that unnest takes.
type columns struct {
	id                                                          []uuid.UUID
	entraTenantID, displayName, nameKey, primaryDomain, domains []string
	userCount                                                   []int32
	problemCode, problemMessage, problemRemedy                  []*string
	accessEndsAt                                                []*time.Time
	passing                                                     []bool
}

func newColumns(found []discovery.Found) (columns, error) {
	c := columns{entraTenantID: []string{}} // an empty listing is an empty array, not null
	for _, f := range found {
		id, err := uuid.Parse(f.ID)
		if err != nil {
			return columns{}, errs.Wrap(err, errs.Internal, reason.IDMalformed, "")
		}
		count := int32(-1)
		if f.UserCount != nil {
			count = *f.UserCount
		}
		var code, message, remedy *string
		if f.Problem != nil {
			code, message, remedy = &f.Problem.Code, &f.Problem.Message, &f.Problem.Remedy
		}
		c.id = append(c.id, id)
		c.entraTenantID = append(c.entraTenantID, f.EntraTenantID)
		c.displayName = append(c.displayName, f.DisplayName)
		c.nameKey = append(c.nameKey, f.NameKey)
		c.primaryDomain = append(c.primaryDomain, f.PrimaryDomain)
		c.domains = append(c.domains, strings.Join(f.Domains, " "))
		c.userCount = append(c.userCount, count)
		c.problemCode = append(c.problemCode, code)
		c.problemMessage = append(c.problemMessage, message)
		c.problemRemedy = append(c.problemRemedy, remedy)
		c.accessEndsAt = append(c.accessEndsAt, f.AccessEndsAt)
		c.passing = append(c.passing, f.Passing)
	}
	return c, nil
}

// Refresh writes what the directory of a managed tenant that is not gone said,
// without a listing: what a listing says stays.
func (s *Store) Refresh(ctx context.Context, found discovery.Found) error {
	id, err := uuid.Parse(found.ID)
	if err != nil {
		return errs.Wrap(err, errs.Internal, reason.IDMalformed, "")
	}
	params := sqlc.RefreshManagedTenantParams{
		ID: id, PrimaryDomain: found.PrimaryDomain, Domains: found.Domains, UserCount: found.UserCount, Passing: found.Passing,
	}
	if p := found.Problem; p != nil {
		params.ProblemCode, params.ProblemMessage, params.ProblemRemedy = &p.Code, &p.Message, &p.Remedy
	}
	return pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if err := q.EnsureHead(ctx); err != nil {
			return err
		}
		if _, err := q.LockHead(ctx); err != nil {
			return err
		}
		written, err := q.RefreshManagedTenant(ctx, params)
		if err != nil || written == 0 { // a discovery that completed meanwhile did not find it
			return err
		}
		if err := q.DropDomains(ctx, []uuid.UUID{id}); err != nil {
			return err
		}
		return q.AddDomains(ctx, []uuid.UUID{id})
	})
}

// Fail stores why a discovery failed; one that is not running stays as it is.
func (s *Store) Fail(ctx context.Context, operationID string, problem discovery.Problem, at time.Time) error {
	id, err := operation(operationID)
	if err != nil {
		return err
	}
	return pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		return sqlc.New(tx).FailDiscovery(ctx, sqlc.FailDiscoveryParams{
			ID: id, CompletedAt: &at, ErrorCode: &problem.Code, ErrorMessage: &problem.Message, ErrorRemedy: &problem.Remedy,
		})
	})
}

func operation(id string) (uuid.UUID, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return uuid.Nil, errs.Wrap(err, errs.Invalid, reason.InvalidArgument, "The operation id is not a UUID.",
			errs.WithViolation("operationId", "is not a UUID"))
	}
	return parsed, nil
}

func number(n *int32) int32 {
	if n == nil {
		return 0
	}
	return *n
}
