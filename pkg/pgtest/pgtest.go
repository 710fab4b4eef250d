// Package pgtest gives each test a real PostgreSQL database of its own with the
// schema of the contexts it asks for.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/entrasync/entrasync/migrations"
	"github.com/entrasync/entrasync/migrations/scram"
	"github.com/entrasync/entrasync/pkg/pg"
)

// password is that of every runtime role on test servers. It is the same for
// all, because roles belong to the whole server and tests share it. It is no
// secret, so signing in shall cost nothing: under the race detector the usual
// 4096 iterations take longer than all else that a connection needs.
const (
	password   = "entrasync-test"
	iterations = 1
)

const (
	// cleanUpTimeout bounds dropping a test's database on a busy machine.
	cleanUpTimeout = 3 * time.Minute
	// collisions bounds the repeats of a change of roles.
	collisions = 20
	// codeInUse is the server's for a database that somebody is connected to.
	codeInUse = "55006"
)

// DB is a test's own database; it is dropped when the test ends.
type DB struct {
	Name     string        // of the database
	URL      string        // with the runtime role of the first context asked for
	AdminURL string        // with the superuser
	Admin    *pgxpool.Pool // as the superuser, which sees all rows: for set-up and assertions

	t     testing.TB
	first string
	base  url.URL
	mu    sync.Mutex
	pools map[string]*pg.Pool
}

// Database makes a database for the test with the tables of the given contexts
// ("mapping"). It costs a copy of a template, some tens of milliseconds.
func Database(t testing.TB, name string, more ...string) *DB {
	t.Helper()
	contexts := append([]string{name}, more...)
	base, err := server()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	db := &DB{
		Name: "test_" + strings.ReplaceAll(uuid.NewString(), "-", ""), t: t, first: name, base: *base, pools: map[string]*pg.Pool{},
	}
	db.AdminURL = at(*base, db.Name)
	db.URL = db.URLFor(name)
	if err := create(t.Context(), *base, db, contexts); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(db.drop)
	config, err := pgxpool.ParseConfig(db.AdminURL)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	config.ConnConfig.RuntimeParams["search_path"] = strings.Join(contexts, ",")
	db.Admin, err = pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return db
}

// Empty makes a database without any table of ours, for tests of the migrator
// itself.
func Empty(t testing.TB) *DB {
	t.Helper()
	base, err := server()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	db := &DB{
		Name: "test_" + strings.ReplaceAll(uuid.NewString(), "-", ""), t: t, base: *base, pools: map[string]*pg.Pool{},
	}
	db.AdminURL = at(*base, db.Name)
	err = onServer(t.Context(), *base, func(conn *pgx.Conn) error {
		return alone(t.Context(), conn, "CREATE DATABASE "+db.Name+" TEMPLATE template0 STRATEGY FILE_COPY")
	})
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(db.drop)
	db.Admin, err = pgxpool.New(t.Context(), db.AdminURL)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return db
}

// Pool is connected as the runtime role of a context; the same pool each time,
// closed when the test ends.
func (db *DB) Pool(name string) *pg.Pool {
	db.t.Helper()
	db.mu.Lock()
	defer db.mu.Unlock()
	if pool, ok := db.pools[name]; ok {
		return pool
	}
	pool, err := pg.Open(context.WithoutCancel(db.t.Context()), db.URLFor(name), pg.Options{Context: name, MaxConns: 8})
	if err != nil {
		db.t.Fatalf("pgtest: %v", err)
	}
	db.pools[name] = pool
	return pool
}

// URLFor is the database's URL with the runtime role of a context.
func (db *DB) URLFor(name string) string {
	u := db.base
	u.User = url.UserPassword(migrations.RuntimeRole(name), password)
	return at(u, db.Name)
}

func (db *DB) drop() {
	for _, pool := range db.pools {
		pool.Close()
	}
	if db.Admin != nil {
		db.Admin.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanUpTimeout)
	defer cancel()
	err := onServer(ctx, db.base, func(conn *pgx.Conn) error {
		return alone(ctx, conn, "DROP DATABASE "+db.Name+" WITH (FORCE)")
	})
	if err != nil {
		db.t.Errorf("pgtest: dropping %s: %v", db.Name, err)
	}
}

// create copies the template, which it makes first where it is missing.
func create(ctx context.Context, base url.URL, db *DB, contexts []string) error {
	template, err := templateFor(ctx, base, contexts)
	if err != nil {
		return err
	}
	err = onServer(ctx, base, func(conn *pgx.Conn) error {
		// Copying files takes less than half the time of logging each page, which is the default.
		if err := alone(ctx, conn, "CREATE DATABASE "+db.Name+" TEMPLATE "+template+" STRATEGY FILE_COPY"); err != nil {
			return err
		}
		return migrations.BootstrapCopy(ctx, conn, db.Name)
	})
	if err != nil {
		return fmt.Errorf("copying the template: %w", err)
	}
	return nil
}

var (
	templatesMu sync.Mutex
	templates   = map[string]bool{} // those that this process has seen complete
)

// templateFor makes the template database once per content of the migrations,
// over all processes that use the server.
func templateFor(ctx context.Context, base url.URL, contexts []string) (string, error) {
	fingerprint, err := migrations.Fingerprint(contexts...)
	if err != nil {
		return "", err
	}
	template := "entrasync_template_" + fingerprint[:20]
	templatesMu.Lock()
	defer templatesMu.Unlock()
	if templates[template] {
		return template, nil
	}
	// On a connection of its own, with which the lock ends.
	err = connected(ctx, base.String(), func(conn *pgx.Conn) error {
		// One lock for all templates: roles belong to the whole server.
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtext('entrasync pgtest templates'))`); err != nil {
			return err
		}
		var there bool
		if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, template).Scan(&there); err != nil || there {
			return err
		}
		return build(ctx, base, conn, template, contexts)
	})
	if err != nil {
		return "", fmt.Errorf("making the template database: %w", err)
	}
	templates[template] = true
	return template, nil
}

// build makes the template under another name and renames it when complete.
func build(ctx context.Context, base url.URL, conn *pgx.Conn, template string, contexts []string) error {
	draft := template + "_draft"
	for _, sql := range []string{"DROP DATABASE IF EXISTS " + draft + " WITH (FORCE)", "CREATE DATABASE " + draft + " TEMPLATE template0"} {
		if err := alone(ctx, conn, sql); err != nil {
			return err
		}
	}
	err := connected(ctx, at(base, draft), func(conn *pgx.Conn) error {
		return errors.Join(migrations.Bootstrap(ctx, conn, nil), givePasswords(ctx, conn))
	})
	if err != nil {
		return err
	}
	if err := migrations.Up(ctx, at(base, draft), contexts...); err != nil {
		return err
	}
	// The first connection leaves a file behind that spares those after it, also those to copies,
	// to read half of the catalogue.
	if err := connected(ctx, at(base, draft), func(conn *pgx.Conn) error { return conn.Ping(ctx) }); err != nil {
		return err
	}
	return alone(ctx, conn, "ALTER DATABASE "+draft+" RENAME TO "+template)
}

// alone does what needs a database without anybody in it. The server waits five seconds for those
// who go, which is not always enough on a busy machine.
func alone(ctx context.Context, conn *pgx.Conn, sql string) error {
	for {
		_, err := conn.Exec(ctx, sql)
		if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != codeInUse {
			return err
		}
	}
}

// GivePasswords gives the runtime roles the passwords of tests again, when a test has ended that
// gave them others: they belong to the whole server.
func (db *DB) GivePasswords() {
	db.t.Helper()
	db.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanUpTimeout)
		defer cancel()
		if err := onServer(ctx, db.base, func(conn *pgx.Conn) error { return givePasswords(ctx, conn) }); err != nil {
			db.t.Errorf("pgtest: giving the roles their passwords: %v", err)
		}
	})
}

// givePasswords repeats what collides with somebody else's change of a role.
func givePasswords(ctx context.Context, conn *pgx.Conn) error {
	verifier, err := scram.Verifier(password, iterations)
	if err != nil {
		return err
	}
	var sql strings.Builder
	for _, name := range migrations.Contexts() {
		fmt.Fprintf(&sql, "ALTER ROLE %s PASSWORD '%s';", migrations.RuntimeRole(name), verifier)
	}
	for range collisions {
		if _, err = conn.Exec(ctx, sql.String()); err == nil {
			return nil
		}
	}
	return fmt.Errorf("giving the roles their passwords: %w", err)
}

func at(base url.URL, database string) string {
	base.Path = "/" + database
	return base.String()
}

// idle are the connections to the server that are free. A test needs one when it begins and when
// it ends, and a connection costs as much as what is done with it.
var (
	idleMu sync.Mutex
	idle   []*pgx.Conn
)

// onServer lends a connection to the server, as the superuser.
func onServer(ctx context.Context, base url.URL, do func(*pgx.Conn) error) error {
	conn, err := take(ctx, base)
	if err != nil {
		return err
	}
	if err := do(conn); err != nil {
		return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	idleMu.Lock()
	defer idleMu.Unlock()
	idle = append(idle, conn)
	return nil
}

func take(ctx context.Context, base url.URL) (*pgx.Conn, error) {
	idleMu.Lock()
	last := len(idle) - 1
	if last < 0 {
		idleMu.Unlock()
		return pgx.Connect(ctx, base.String())
	}
	conn := idle[last]
	idle = idle[:last]
	idleMu.Unlock()
	return conn, nil
}

func connected(ctx context.Context, url string, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(context.WithoutCancel(ctx)))
}
