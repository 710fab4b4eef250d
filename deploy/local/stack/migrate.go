package stack

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/deploy/local/internal/postgres"
)

// migrateGrace is how long a migration under way may take to end.
const migrateGrace = 20 * time.Second

func (s *Stack) migrateProgram() string { return filepath.Join(s.layout.Bin(), "migrate") }

// migrateVersion changes when there are other migrations or another database.
func (s *Stack) migrateVersion() string {
	program, err := programVersion(s.migrateProgram())
	if err != nil {
		return "missing" // and starting it says so
	}
	return program + " " + s.adminURL
}

// migrate makes the roles with their passwords and brings the schemas up to
// date. It is safe to repeat.
func (s *Stack) migrate(ctx context.Context, log io.Writer) error {
	for _, step := range []string{"bootstrap", "up"} {
		cmd := exec.CommandContext(ctx, s.migrateProgram(), step)
		// In the environment a password is not on everybody's process list.
		cmd.Env = []string{
			"PATH=/usr/bin:/bin",
			"ENTRASYNC_ADMIN_DATABASE_URL=" + s.adminURL,
			"ENTRASYNC_ROLE_PASSWORDS_FILE=" + s.secrets.rolesFile,
		}
		cmd.Stdout, cmd.Stderr = log, log
		// It ends after the migration under way; killed, it would leave its version marked.
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = migrateGrace
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("migrate %s: %w", step, err)
		}
	}
	return nil
}

// createDatabase makes the stack's database where it is missing.
func (s *Stack) createDatabase(ctx context.Context, _ io.Writer) error {
	conn, err := pgx.Connect(ctx, s.cluster.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return postgres.EnsureDatabase(ctx, conn, database, "")
}
