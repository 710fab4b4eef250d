// Package postgres keeps contacts, links, settings and runs in PostgreSQL.
package postgres

import (
	"context"
	"runtime"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/queue"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
)

// Context names the schema and the roles.
const Context = "syncengine"

// Store is the adapter. It is safe for concurrent use.
type Store struct {
	pool     *pg.Pool
	timeouts round.Timeouts
	rounds   *queue.Fair // by tenant
	// One element a decision about orphaned links under way.
	decisions chan struct{}
}

// requestConns are connections that rounds leave to requests. Writing requests
// take half of them at most.
const requestConns = 8

// Writers are the bounds of writing requests: what rounds take is not theirs.
func Writers() queue.Options { return queue.Options{Total: requestConns / 2} }

// New works on a pool of the context's runtime role. Each round takes a
// connection of its own, for long; of a small pool they take half at most. While several
// tenants have rounds, each has as many at once as there are processors.
func New(pool *pg.Pool, timeouts round.Timeouts) *Store {
	conns := int(pool.Stat().MaxConns())
	share := max(runtime.GOMAXPROCS(0), 2)
	return &Store{
		pool: pool, timeouts: timeouts.OrDefaults(), rounds: queue.NewFair(max(conns-requestConns, conns/2), share), decisions: make(chan struct{}, decisionConns),
	}
}

// in runs fn in a transaction of the context's tenant.
func (s *Store) in(ctx context.Context, fn func(ctx context.Context, q *sqlc.Queries, tenantID string) error, opts ...pg.TxOption) error {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return err
	}
	return pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		return fn(ctx, sqlc.New(tx), id.String())
	}, opts...)
}

// parse turns an id into a UUID; the given error when it is none.
func parse(id string, missing error) (uuid.UUID, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return uuid.UUID{}, missing
	}
	return parsed, nil
}

// parseAll turns ids that were checked before into UUIDs.
func parseAll(ids []string) ([]uuid.UUID, error) {
	out := make([]uuid.UUID, len(ids))
	for i, id := range ids {
		parsed, err := uuid.Parse(id)
		if err != nil {
			return nil, errs.Of(reason.IDMalformed, errs.WithCause(err))
		}
		out[i] = parsed
	}
	return out, nil
}
