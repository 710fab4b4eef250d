package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entrasync/entrasync/migrations/scram"
)

// Owner owns every schema and table. Nobody logs in as it; the migrator
// switches to it.
const Owner = "entrasync_owner"

// RuntimeRole is the role a context's process connects as. It owns nothing.
func RuntimeRole(name string) string { return "entrasync_" + name }

// AcrossRole is the role that work without a tenant switches to. It may read
// the context's id-only views and nothing else.
func AcrossRole(name string) string { return "entrasync_" + name + "_across" }

// ViewsRole owns the id-only views of a context.
func ViewsRole(name string) string { return "entrasync_" + name + "_views" }

// bootstrapTries bounds the repeats after collisions with another bootstrap:
// roles belong to the whole cluster, advisory locks only to one database.
const bootstrapTries = 20

// Bootstrap makes roles and schemas and gives runtime roles their passwords (a
// role that the map leaves out keeps what it has). It is idempotent and may run
// concurrently. The connection's role needs no more than CREATEROLE and
// ownership of the database.
func Bootstrap(ctx context.Context, conn *pgx.Conn, passwords map[string]string) error {
	verifiers := map[string]string{}
	for _, name := range Contexts() {
		password, ok := passwords[RuntimeRole(name)]
		if !ok {
			continue
		}
		verifier, err := scram.Verifier(password, scram.Iterations)
		if err != nil {
			return fmt.Errorf("password of role %s: %w", RuntimeRole(name), err)
		}
		verifiers[RuntimeRole(name)] = verifier
	}
	var err error
	for range bootstrapTries {
		err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return bootstrap(ctx, tx, verifiers) })
		if !collided(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("bootstrapping the database: %w", err)
	}
	return nil
}

func bootstrap(ctx context.Context, tx pgx.Tx, verifiers map[string]string) error {
	var database string
	var superuser bool
	err := tx.QueryRow(ctx, `SELECT current_database(), rolsuper FROM pg_roles WHERE rolname = current_user`).Scan(&database, &superuser)
	if err != nil {
		return fmt.Errorf("reading who we are: %w", err)
	}
	database = pgx.Identifier{database}.Sanitize()
	s := &session{ctx: ctx, tx: tx}
	s.exec(`SELECT pg_advisory_xact_lock(hashtext('entrasync bootstrap'))`)
	s.role(Owner, "NOLOGIN")
	if !superuser {
		s.member(Owner, "") // to switch to it
	}
	s.exec(`REVOKE ALL ON SCHEMA public FROM PUBLIC`)
	for _, name := range Contexts() {
		s.context(name, verifiers)
	}
	s.exec(databaseSettings(database))
	return s.err
}

// BootstrapCopy gives a database that was copied from a bootstrapped one the
// settings that PostgreSQL does not copy along. The connection is to any
// database of the server.
func BootstrapCopy(ctx context.Context, conn *pgx.Conn, database string) error {
	if _, err := conn.Exec(ctx, databaseSettings(pgx.Identifier{database}.Sanitize())); err != nil {
		return fmt.Errorf("bootstrapping the copied database: %w", err)
	}
	return nil
}

// databaseSettings are the statements about the database itself.
func databaseSettings(database string) string {
	var sql strings.Builder
	fmt.Fprintf(&sql, "REVOKE ALL ON DATABASE %s FROM PUBLIC;\n", database)
	for _, name := range Contexts() {
		// TEMPORARY: COPY into tables with row-level security is refused, so
		// bulk data is staged in temporary tables.
		fmt.Fprintf(&sql, "GRANT CONNECT, TEMPORARY ON DATABASE %s TO %s;\n", database, RuntimeRole(name))
		fmt.Fprintf(&sql, "ALTER ROLE %s IN DATABASE %s SET search_path = %s;\n", RuntimeRole(name), database, name)
	}
	return sql.String()
}

// session runs statements until the first one fails.
type session struct {
	ctx context.Context
	tx  pgx.Tx
	err error
}

func (s *session) exec(sql string) {
	if s.err != nil {
		return
	}
	if _, err := s.tx.Exec(s.ctx, sql); err != nil {
		words := strings.Fields(sql)
		s.err = fmt.Errorf("%s: %w", strings.Join(words[:min(4, len(words))], " "), err)
	}
}

// holds answers a yes-or-no query.
func (s *session) holds(sql string, args ...any) (yes bool) {
	if s.err != nil {
		return false
	}
	if err := s.tx.QueryRow(s.ctx, sql, args...).Scan(&yes); err != nil {
		s.err = fmt.Errorf("reading the catalogue: %w", err)
	}
	return yes
}

func (s *session) role(name, attributes string) {
	if !s.holds(`SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, name) {
		s.exec(`CREATE ROLE ` + name + ` ` + attributes)
	}
}

// member puts a role into a group; an empty member is the current user.
func (s *session) member(group, member string) {
	there := s.holds(`SELECT EXISTS (SELECT FROM pg_auth_members m
		WHERE m.roleid = to_regrole($1) AND m.member = COALESCE(to_regrole(NULLIF($2, '')), to_regrole(quote_ident(current_user)))
		AND m.grantor <> 10)`, group, member)
	if there {
		return
	}
	if member == "" {
		member = "CURRENT_USER"
	}
	s.exec(`GRANT ` + group + ` TO ` + member)
}

func (s *session) context(name string, verifiers map[string]string) {
	runtime, across, views := RuntimeRole(name), AcrossRole(name), ViewsRole(name)
	s.role(runtime, "LOGIN NOINHERIT")
	s.role(across, "NOLOGIN")
	s.role(views, "NOLOGIN")
	if verifier, ok := verifiers[runtime]; ok {
		s.exec(`ALTER ROLE ` + runtime + ` PASSWORD '` + verifier + `'`)
	}
	s.member(across, runtime)
	s.member(views, Owner) // a migration hands views over to it
	if !s.holds(`SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, name) {
		s.exec(`CREATE SCHEMA ` + name + ` AUTHORIZATION ` + Owner)
	}
	// The grants on the schema are its owner's to give.
	s.exec(`SET LOCAL ROLE ` + Owner)
	s.exec(`REVOKE ALL ON SCHEMA ` + name + ` FROM PUBLIC`)
	s.exec(`GRANT USAGE ON SCHEMA ` + name + ` TO ` + runtime + `, ` + across)
	s.exec(`GRANT USAGE, CREATE ON SCHEMA ` + name + ` TO ` + views) // CREATE: to become a view's owner
	s.exec(`RESET ROLE`)
}

// collided reports that another bootstrap of the cluster got in between.
func collided(err error) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return false
	}
	switch pgErr.Code {
	case "42710", "23505", "42P06", "40P01", "40001": // it exists now; deadlock; serialization
		return true
	case "XX000":
		return strings.Contains(pgErr.Message, "concurrently")
	}
	return false
}
