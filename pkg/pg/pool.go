// Package pg reaches PostgreSQL: a pool that works as one context's runtime
// role, transactions bound to a tenant, and classified errors.
package pg

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// keepAlive is how long a silent connection may go without a probe. A round
// holds its lock by its connection, so both ends must notice soon that the other
// died.
const keepAlive = 30 * time.Second

// Options says how a pool is opened. Context is required.
type Options struct {
	Context  string // the part whose tables these are: "mapping"; names schema and roles
	MaxConns int32  // 0: pgx's default (the greater of 4 and the number of CPUs), or pool_max_conns of the URL
}

// Pool is a pool of connections of one context's runtime role. Tables are
// reached through InTenant, AcrossTenants and WithoutTenant alone.
type Pool struct {
	pool *pgxpool.Pool
	name string
}

var contextPattern = regexp.MustCompile(`\A[a-z]{1,32}\z`)

// Open makes the pool and checks that the database answers. A pooler between
// the process and the server must not be in transaction mode: locks and
// temporary tables belong to a session.
func Open(ctx context.Context, url string, opts Options) (*Pool, error) {
	if !contextPattern.MatchString(opts.Context) {
		return nil, fmt.Errorf("context %q is not a name of small letters", opts.Context)
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("reading the database URL: %w", err) // pgx hides the password
	}
	if opts.MaxConns > 0 {
		config.MaxConns = opts.MaxConns
	}
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: keepAlive, Interval: keepAlive / 3, Count: 3,
	}}
	config.ConnConfig.DialFunc = dialer.DialContext
	config.ConnConfig.Tracer = tracer{}
	config.AfterConnect = registerTypes
	params := config.ConnConfig.RuntimeParams
	params["search_path"] = opts.Context
	params["tcp_keepalives_idle"] = "30"
	params["tcp_keepalives_interval"] = "10"
	params["tcp_keepalives_count"] = "3"
	if params["application_name"] == "" {
		params["application_name"] = "entrasync-" + opts.Context
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("opening the pool: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, Classify(err)
	}
	return &Pool{pool: pool, name: opts.Context}, nil
}

// Close waits for connections in use and closes all.
func (p *Pool) Close() { p.pool.Close() }

// Ping checks that the database answers; for readiness.
func (p *Pool) Ping(ctx context.Context) error { return Classify(p.pool.Ping(ctx)) }

// Stat returns the pool's statistics; for metrics.
func (p *Pool) Stat() *pgxpool.Stat { return p.pool.Stat() }

// Context is the name of the part whose tables these are.
func (p *Pool) Context() string { return p.name }

func (p *Pool) begin(ctx context.Context, query string) (pgx.Tx, error) {
	return p.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: query})
}

func (p *Pool) contextName() string { return p.name }
