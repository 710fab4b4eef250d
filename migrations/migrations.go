// Package migrations holds the database's schema and brings a database to it:
// the roles and schemas (Bootstrap), then each context's tables (Up).
package migrations

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"

	"github.com/golang-migrate/migrate/v4"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

//go:embed connection/*.sql discovery/*.sql mapping/*.sql syncengine/*.sql reconciliation/*.sql gateway/*.sql
var files embed.FS

// Contexts lists the parts that own tables, each with a schema, roles and a
// folder of migrations of its name.
func Contexts() []string {
	return []string{"connection", "discovery", "mapping", "syncengine", "reconciliation", "gateway"}
}

// Files is the embedded tree: <context>/NNNNNN_name.{up,down}.sql.
func Files() fs.FS { return files }

//go:embed bootstrap.go
var bootstrapSource []byte

// Fingerprint changes when the bootstrap or a migration of the given contexts
// does; template databases of tests are named by it.
func Fingerprint(contexts ...string) (string, error) {
	names, err := choose(contexts)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write(bootstrapSource)
	for _, name := range names {
		entries, err := fs.ReadDir(files, name)
		if err != nil {
			return "", fmt.Errorf("reading the migrations of %s: %w", name, err)
		}
		for _, entry := range entries {
			content, err := fs.ReadFile(files, name+"/"+entry.Name())
			if err != nil {
				return "", fmt.Errorf("reading the migrations of %s: %w", name, err)
			}
			fmt.Fprintf(sum, "%s/%s %d\n", name, entry.Name(), len(content))
			sum.Write(content)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// versionTable stands in each context's schema and belongs to the owner role.
const versionTable = "schema_migrations"

// Up applies what is not applied yet, for the given contexts or for all. Safe
// to repeat and to run from several processes at once, and after a kill at any
// point.
func Up(ctx context.Context, url string, contexts ...string) (err error) {
	if _, err := choose(contexts); err != nil {
		return err
	}
	unlock, err := alone(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return each(ctx, url, contexts, func(m migrator) error {
		if err := m.unmark(); err != nil {
			return err
		}
		return m.Up()
	})
}

// alone waits until no other process applies migrations to the database. The
// library has a lock of its own, but looks at the mark of a migration under way
// before it takes that.
func alone(ctx context.Context, url string) (unlock func() error, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	unlock = func() error { return conn.Close(context.WithoutCancel(ctx)) } // the lock ends with it
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext('entrasync migrations'))"); err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for other migrations: %w", err), unlock())
	}
	return unlock, nil
}

// Down undoes every migration of the given contexts, or of all: data is lost.
func Down(ctx context.Context, url string, contexts ...string) error {
	return each(ctx, url, contexts, func(m migrator) error { return m.Down() })
}

// Steps applies (n > 0) or undoes (n < 0) n migrations of one context.
func Steps(ctx context.Context, url, name string, n int) error {
	return each(ctx, url, []string{name}, func(m migrator) error { return m.Steps(n) })
}

// Force writes a context's version without running anything, after a failed
// migration was repaired by hand; -1 means "nothing applied".
func Force(ctx context.Context, url, name string, version int) error {
	return each(ctx, url, []string{name}, func(m migrator) error { return m.Force(version) })
}

// State is how far a context has come.
type State struct {
	Context string
	Version uint // 0: nothing applied
	Dirty   bool // a migration failed half-way
	Latest  uint // the newest version that this build knows; 0: none
}

// Version tells the state of the given contexts, or of all.
func Version(ctx context.Context, url string, contexts ...string) ([]State, error) {
	states := map[string]State{}
	names, err := choose(contexts)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		latest, err := newest(name)
		if err != nil {
			return nil, err
		}
		states[name] = State{Context: name, Latest: latest}
		err = one(ctx, url, name, func(m migrator) error {
			version, dirty, err := m.Version()
			if errors.Is(err, migrate.ErrNilVersion) {
				return nil
			}
			states[name] = State{Context: name, Version: version, Dirty: dirty, Latest: latest}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	out := make([]State, 0, len(names))
	for _, name := range names {
		out = append(out, states[name])
	}
	return out, nil
}

func each(ctx context.Context, url string, contexts []string, do func(m migrator) error) error {
	names, err := choose(contexts)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := one(ctx, url, name, do); err != nil {
			return err
		}
	}
	return nil
}

// choose checks names; no name means every context.
func choose(contexts []string) ([]string, error) {
	if len(contexts) == 0 {
		return Contexts(), nil
	}
	for _, name := range contexts {
		if !slices.Contains(Contexts(), name) {
			return nil, fmt.Errorf("no context %q: choose from %s", name, strings.Join(Contexts(), ", "))
		}
	}
	return contexts, nil
}

// migrator brings one context up and down.
type migrator struct {
	*migrate.Migrate
	driver *driver
	name   string
}

// one opens a context's migrations on a connection of its own that works as the
// owner role, inside the context's schema.
func one(ctx context.Context, url, name string, do func(m migrator) error) (err error) {
	latest, err := newest(name)
	if err != nil || latest == 0 {
		return err // a context whose tables are still to come
	}
	source, err := iofs.New(files, name)
	if err != nil {
		return fmt.Errorf("reading the migrations of %s: %w", name, err)
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("reading the database URL: %w", err)
	}
	config.RuntimeParams["application_name"] = "entrasync-migrate"
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET ROLE "+Owner+"; SET search_path = "+name)
		return err
	}))
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("connecting as %s (was the database bootstrapped?): %w", Owner, err)
	}
	inner, err := migratepgx.WithInstance(db, &migratepgx.Config{SchemaName: name, MigrationsTable: versionTable})
	if err != nil {
		return fmt.Errorf("opening the migrations of %s: %w", name, err)
	}
	m := migrator{driver: newDriver(inner.(*migratepgx.Postgres), name), name: name}
	if m.Migrate, err = migrate.NewWithInstance("iofs", source, config.Database, m.driver); err != nil {
		return fmt.Errorf("opening the migrations of %s: %w", name, err)
	}
	defer func() {
		sourceErr, databaseErr := m.Close()
		err = errors.Join(err, sourceErr, databaseErr)
	}()
	stop := context.AfterFunc(ctx, func() {
		select {
		case m.GracefulStop <- true: // ends after the migration under way
		default:
		}
	})
	defer stop()
	if err := do(m); err != nil && !errors.Is(err, migrate.ErrNoChange) {
		return fmt.Errorf("migrating %s: %w", name, err)
	}
	slog.DebugContext(ctx, "migrated", "context", name)
	return ctx.Err()
}

// newest is the highest version among a context's files, 0 without any.
func newest(name string) (uint, error) {
	versions, err := versionsOf(name)
	if err != nil || len(versions) == 0 {
		return 0, err
	}
	return uint(versions[len(versions)-1]), nil
}
