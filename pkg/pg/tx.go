package pg

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Source is where a transaction can begin: a *Pool or a *Conn.
type Source interface {
	begin(ctx context.Context, query string) (pgx.Tx, error)
	contextName() string
	// bound completes the options with the source's own bounds.
	bound(o *txOptions)
	// enter waits until a transaction of the tenant may begin; leave is called
	// after its end.
	enter(ctx context.Context, o *txOptions) (leave func(), err error)
}

// TxFunc is work inside a transaction. It may be called again when the caller
// asked for retries, so it must not keep results of an earlier call.
type TxFunc = func(ctx context.Context, tx pgx.Tx) error

// TxOption adjusts a transaction.
type TxOption func(*txOptions)

type txOptions struct {
	tenant   tenant.ID // empty for work without a tenant
	mode     []string
	local    []string
	retries  int
	readOnly bool
	timed    bool // it has a statement timeout of its own
}

func (o *txOptions) set(parameter string, d time.Duration) {
	o.local = append(o.local, "SET LOCAL "+parameter+" = "+milliseconds(d))
}

// Retries repeats the transaction, at most n times, after a serialization
// failure or a deadlock. Only for work without side effects outside it.
func Retries(n int) TxOption { return func(o *txOptions) { o.retries = n } }

// ReadOnly refuses writes. On a pool such a transaction does not wait for the
// tenant's writers, and its statements end after the pool's ReadTimeout.
func ReadOnly() TxOption {
	return func(o *txOptions) { o.mode, o.readOnly = append(o.mode, "READ ONLY"), true }
}

// RepeatableRead shows one snapshot to all statements.
func RepeatableRead() TxOption {
	return func(o *txOptions) { o.mode = append(o.mode, "ISOLATION LEVEL REPEATABLE READ") }
}

// StatementTimeout ends any statement that runs longer, in whole milliseconds.
func StatementTimeout(d time.Duration) TxOption {
	return func(o *txOptions) {
		o.timed = true
		o.set("statement_timeout", d)
	}
}

// ByIndex has every statement reach tables by index, row after row. It is for work
// on a few thousand rows of tables with millions: without statistics, which
// row-level security hides from the planner besides, it takes a scan of all for
// cheap, or a join without an index.
func ByIndex() TxOption {
	return func(o *txOptions) {
		o.local = append(o.local, "SET LOCAL enable_seqscan = off", "SET LOCAL enable_hashjoin = off", "SET LOCAL enable_mergejoin = off")
	}
}

// Serial has every statement run in this session alone. It is for reads of a page: to start
// a helping process takes longer than they do.
func Serial() TxOption {
	return func(o *txOptions) { o.local = append(o.local, "SET LOCAL max_parallel_workers_per_gather = 0") }
}

// InOnePass has every statement read each side of a join once, by hashing or sorting,
// and reach tables by index. It is for statements that put all of a directory beside
// something as large: for a few rows by its estimate, the planner would take them one
// after the other.
func InOnePass() TxOption {
	return func(o *txOptions) {
		o.local = append(o.local, "SET LOCAL enable_seqscan = off", "SET LOCAL enable_nestloop = off")
	}
}

// InTenant runs fn in a transaction that sees and writes the rows of the
// context's tenant alone (row-level security), and commits when fn returns nil.
// Without a tenant in ctx it is refused (errs.Unauthenticated). Errors of the
// database come back classified; fn's own errors unchanged.
//
// On a pool a transaction that may write first waits in its tenant's queue
// (queue.ErrBusy when that is full), before it takes a connection, and waits for
// locks no longer than LockTimeout (database_busy). fn must not begin another
// writing transaction of the tenant on the same pool.
func InTenant(ctx context.Context, src Source, fn TxFunc, opts ...TxOption) error {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return err
	}
	if !id.Valid() { // it is quoted below
		return errs.New(errs.Internal, reason.TenantInvalid, reason.Text(reason.TenantInvalid))
	}
	opts = append(opts, func(o *txOptions) { o.tenant = id })
	return within(ctx, src, "SET LOCAL app.tenant = '"+string(id)+"'", fn, opts)
}

// AcrossTenants runs fn in a read-only transaction as the role that sees the
// context's id-only views over all tenants, and no table.
func AcrossTenants(ctx context.Context, src Source, fn TxFunc, opts ...TxOption) error {
	opts = append(opts, ReadOnly())
	return within(ctx, src, "SET LOCAL ROLE entrasync_"+src.contextName()+"_across", fn, opts)
}

// WithoutTenant runs fn in a transaction of the runtime role with no tenant: it
// reaches the few tables that belong to no tenant; of the others row-level
// security shows it nothing.
func WithoutTenant(ctx context.Context, src Source, fn TxFunc, opts ...TxOption) error {
	return within(ctx, src, "", fn, opts)
}

func within(ctx context.Context, src Source, setting string, fn TxFunc, opts []TxOption) error {
	var o txOptions
	for _, opt := range opts {
		opt(&o)
	}
	src.bound(&o)
	leave, err := src.enter(ctx, &o)
	if err != nil {
		return Classify(err)
	}
	defer leave()
	// One round trip: several statements in one simple query.
	query := "BEGIN " + strings.Join(o.mode, " ")
	for _, local := range append([]string{setting}, o.local...) {
		if local != "" {
			query += "; " + local
		}
	}
	for attempt := 0; ; attempt++ {
		err := once(ctx, src, query, fn)
		if err == nil {
			return nil
		}
		if attempt >= o.retries || !Contended(err) || ctx.Err() != nil {
			return Classify(err)
		}
	}
}

func once(ctx context.Context, src Source, query string, fn TxFunc) (err error) {
	tx, err := src.begin(ctx, query)
	if err != nil {
		return err
	}
	defer func() {
		// After a commit this does nothing; after a panic it keeps the
		// connection from returning to the pool inside a transaction. The
		// rollback must reach the server also when ctx is done.
		if rollbackErr := tx.Rollback(context.WithoutCancel(ctx)); rollbackErr != nil &&
			!errors.Is(rollbackErr, pgx.ErrTxClosed) && err == nil {
			err = rollbackErr
		}
	}()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}
