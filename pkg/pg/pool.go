// Package pg reaches PostgreSQL: a pool that works as one context's runtime
// role, transactions bound to a tenant, and classified errors.
package pg

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/entrasync/entrasync/pkg/queue"
)

// keepAlive is how long a silent connection may go without a probe. A round
// holds its lock by its connection, so both ends must notice soon that the other
// died.
const keepAlive = 30 * time.Second

// Bounds of what runs on a pool, where Options leaves them out.
const (
	// LockTimeout is how long a writing transaction waits for a lock that another
	// one holds.
	LockTimeout = 10 * time.Second
	// ReadTimeout ends a statement of a read-only transaction.
	ReadTimeout = 15 * time.Second

	writersRunning = 2
	writersWaiting = 64
	writersWait    = 20 * time.Second
)

// Options says how a pool is opened. Context is required.
type Options struct {
	Context  string // the part whose tables these are: "mapping"; names schema and roles
	MaxConns int32  // 0: pgx's default (the greater of 4 and the number of CPUs), or pool_max_conns of the URL
	// BackgroundConns is the size of the second pool, which Background gives; 0: none.
	BackgroundConns int32
	// Writers bounds the writing transactions of each tenant. What is zero is
	// left to the defaults: 2 run and 64 wait, for 20 seconds at most; those of
	// all tenants take half of the connections, and one tenant half of that.
	Writers queue.Options
}

// Pool is a pool of connections of one context's runtime role. Tables are
// reached through InTenant, AcrossTenants and WithoutTenant alone.
type Pool struct {
	pool       *pgxpool.Pool
	name       string
	writers    *queue.Queue
	health     *pgxpool.Pool // one connection, for Ping
	background *Pool         // nil where there is none
}

var contextPattern = regexp.MustCompile(`\A[a-z]{1,32}\z`)

// Process is what a pool serves; a service.Service.
type Process interface {
	Uses(name string, ready func(context.Context) error, end func())
}

// OpenFor is Open for a process: the process is ready while the database answers, and closes
// the pool at its end.
func OpenFor(ctx context.Context, process Process, url string, opts Options) (*Pool, error) {
	pool, err := Open(ctx, url, opts)
	if err == nil {
		process.Uses("database", pool.Ping, pool.Close)
	}
	return pool, err
}

// Open makes the pool and checks that the database answers. A pooler between
// the process and the server must not be in transaction mode: locks and
// temporary tables belong to a session.
func Open(ctx context.Context, url string, opts Options) (*Pool, error) {
	if !contextPattern.MatchString(opts.Context) {
		return nil, fmt.Errorf("context %q is not a name of small letters", opts.Context)
	}
	config, err := configuration(url, opts.Context)
	if err != nil {
		return nil, err
	}
	if opts.MaxConns > 0 {
		config.MaxConns = opts.MaxConns
	}
	p, err := open(ctx, config, opts)
	if err != nil {
		return nil, err
	}
	if p.health, err = resized(ctx, config, 1); err == nil && opts.BackgroundConns > 0 {
		config.MaxConns = opts.BackgroundConns
		p.background, err = open(ctx, config, Options{Context: opts.Context})
	}
	if err == nil {
		err = Classify(p.pool.Ping(ctx)) // by a connection that requests will use
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// open makes one pool, which connects when it is used.
func open(ctx context.Context, config *pgxpool.Config, opts Options) (*Pool, error) {
	pool, err := pgxpool.NewWithConfig(ctx, config.Copy())
	if err != nil {
		return nil, fmt.Errorf("opening the pool: %w", err)
	}
	w := opts.Writers
	w.Total, w.Wait = cmp.Or(w.Total, int(max(config.MaxConns/2, 1))), cmp.Or(w.Wait, writersWait)
	w.Running, w.Waiting = cmp.Or(w.Running, writersRunning), cmp.Or(w.Waiting, writersWaiting)
	w.Running = min(w.Running, max(w.Total/2, 1)) // one tenant leaves room for another
	return &Pool{pool: pool, name: opts.Context, writers: queue.New(w)}, nil
}

func resized(ctx context.Context, config *pgxpool.Config, conns int32) (*pgxpool.Pool, error) {
	config = config.Copy()
	config.MaxConns = conns
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("opening the pool: %w", err)
	}
	return pool, nil
}

// configuration is what all connections of a context have in common.
func configuration(url, name string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("reading the database URL: %w", err) // pgx hides the password
	}
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: keepAlive, Interval: keepAlive / 3, Count: 3,
	}}
	config.ConnConfig.DialFunc = dialer.DialContext
	config.ConnConfig.Tracer = tracer{}
	config.AfterConnect = registerTypes
	params := config.ConnConfig.RuntimeParams
	params["search_path"] = name
	params["tcp_keepalives_idle"] = "30"
	params["tcp_keepalives_interval"] = "10"
	params["tcp_keepalives_count"] = "3"
	if params["application_name"] == "" {
		params["application_name"] = "entrasync-" + name
	}
	return config, nil
}

// Close waits for connections in use and closes all.
func (p *Pool) Close() {
	p.pool.Close()
	if p.health != nil {
		p.health.Close()
	}
	if p.background != nil {
		p.background.Close()
	}
}

// Ping checks that the database answers, on a connection of its own: a pool whose
// connections are all in use is no reason to be taken out of service.
func (p *Pool) Ping(ctx context.Context) error {
	if p.health == nil {
		return Classify(p.pool.Ping(ctx))
	}
	return Classify(p.health.Ping(ctx))
}

// Background is the pool for what runs beside requests (effects, sweepers), so
// that neither can take the other's connections; the pool itself where Options
// named no BackgroundConns.
func (p *Pool) Background() *Pool {
	if p == nil || p.background == nil {
		return p
	}
	return p.background
}

// Stat returns the pool's statistics; for metrics.
func (p *Pool) Stat() *pgxpool.Stat { return p.pool.Stat() }

// Context is the name of the part whose tables these are.
func (p *Pool) Context() string { return p.name }

func (p *Pool) begin(ctx context.Context, query string) (pgx.Tx, error) {
	return p.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: query})
}

func (p *Pool) contextName() string { return p.name }

// bound gives reads a time for each statement, and writers one for each lock.
func (p *Pool) bound(o *txOptions) {
	switch {
	case o.readOnly && !o.timed:
		o.set("statement_timeout", ReadTimeout)
	case !o.readOnly:
		o.set("lock_timeout", LockTimeout)
	}
}

// enter lets a tenant's writers in, a few at a time and in order.
func (p *Pool) enter(ctx context.Context, o *txOptions) (leave func(), err error) {
	if o.readOnly || o.tenant == "" {
		return func() {}, nil
	}
	return p.writers.Enter(ctx, string(o.tenant))
}
