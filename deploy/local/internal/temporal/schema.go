package temporal

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/deploy/local/internal/postgres"
)

// Schema makes Temporal's role and databases where they are missing and brings
// their tables up to date. It is safe to repeat. What the schema tool says
// goes to out.
func (s Server) Schema(ctx context.Context, out io.Writer) error {
	conn, err := pgx.Connect(ctx, s.AdminURL)
	if err != nil {
		return fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := s.ensureRole(ctx, conn); err != nil {
		return err
	}
	for name, schema := range map[string]string{mainDatabase: "postgresql/v12/temporal", visibilityDatabase: "postgresql/v12/visibility"} {
		if err := postgres.EnsureDatabase(ctx, conn, name, role); err != nil {
			return err
		}
		if err := s.migrate(ctx, out, conn.Config(), name, schema); err != nil {
			return err
		}
	}
	return nil
}

func (s Server) ensureRole(ctx context.Context, conn *pgx.Conn) error {
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).Scan(&exists); err != nil {
		return fmt.Errorf("looking for Temporal's role: %w", err)
	}
	verb := "ALTER"
	if !exists {
		verb = "CREATE"
	}
	// The password is hexadecimal and made by us; DDL takes no parameters.
	if _, err := conn.Exec(ctx, fmt.Sprintf("%s ROLE %s LOGIN PASSWORD '%s'", verb, role, s.Password)); err != nil {
		return fmt.Errorf("making Temporal's role: %w", err)
	}
	if !exists {
		// From PostgreSQL 16 on, who is no superuser must be a member of a
		// role to give it a database.
		if _, err := conn.Exec(ctx, "GRANT "+role+" TO CURRENT_USER"); err != nil {
			return fmt.Errorf("joining Temporal's role: %w", err)
		}
	}
	return nil
}

func (s Server) migrate(ctx context.Context, out io.Writer, db *pgx.ConnConfig, name, schema string) error {
	target := db.Copy()
	target.Database, target.User, target.Password = name, role, s.Password
	conn, err := pgx.ConnectConfig(ctx, target)
	if err != nil {
		return fmt.Errorf("connecting to database %s: %w", name, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	known, err := schemaVersionKnown(ctx, conn)
	if err != nil {
		return err
	}
	if !known {
		if err := s.tool(ctx, out, name, "setup-schema", "-v", "0.0"); err != nil {
			return err
		}
	}
	return s.tool(ctx, out, name, "update-schema", "--schema-name", schema)
}

// schemaVersionKnown says whether the first step was done to its end: its table is there and holds
// a version. It may be repeated where it was interrupted in between.
func schemaVersionKnown(ctx context.Context, conn *pgx.Conn) (bool, error) {
	var table, version bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass('schema_version') IS NOT NULL").Scan(&table); err != nil || !table {
		return false, err
	}
	err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM schema_version)").Scan(&version)
	return version, err
}

func (s Server) tool(ctx context.Context, out io.Writer, name string, args ...string) error {
	db, err := s.database()
	if err != nil {
		return err
	}
	common := []string{"--plugin", "postgres12_pgx", "--ep", db.host, "-p", db.port, "-u", role, "--db", name}
	cmd := exec.CommandContext(ctx, filepath.Join(s.Bin, "temporal-sql"), append(common, args...)...)
	// In the environment a password is not on everybody's process list.
	cmd.Env = []string{"PATH=/usr/bin:/bin", "SQL_PASSWORD=" + s.Password, "SQL_CONNECT_ATTRIBUTES=" + db.query()}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("temporal-sql %s on %s: %w", args[0], name, err)
	}
	return nil
}
