package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entrasync/entrasync/deploy/local/internal/child"
)

// superuser is the administrator's role of every cluster made here.
const superuser = "postgres"

// Cluster is one PostgreSQL data folder and how its server is run.
type Cluster struct {
	Binaries Binaries
	// Data is the data folder.
	Data string
	// Port is served on the loopback address alone.
	Port int
	// Password is the superuser's.
	Password string
	// Volatile gives up durability for speed: for tests, whose data is thrown
	// away. The stack's own cluster survives kill -9.
	Volatile bool
	// Account is who the server runs as, nil for the caller.
	Account *child.User
}

// Account finds the user that PostgreSQL runs as: nobody special, except that
// it refuses to run as root; then it is the account that the system's package
// made, else "nobody".
func Account() (*child.User, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s has the id %q: %w", name, u.Uid, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s has the group %q: %w", name, u.Gid, err)
		}
		return &child.User{UID: uint32(uid), GID: uint32(gid), Home: "/"}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and this machine has neither a user postgres nor nobody: run as an ordinary user")
}

// Place is where a data folder can lie: under preferred when account can reach
// it, else under fallback (a checkout below /root, which only root may enter,
// is the usual case).
func Place(account *child.User, preferred, fallback string) string {
	if account == nil || reachable(account, preferred) {
		return preferred
	}
	return fallback
}

// reachable says whether account may pass through every folder above path.
func reachable(account *child.User, path string) bool {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err == nil {
			mode := info.Mode().Perm()
			own, ok := info.Sys().(*syscall.Stat_t)
			enter := mode&0o001 != 0 ||
				ok && own.Uid == account.UID && mode&0o100 != 0 ||
				ok && own.Gid == account.GID && mode&0o010 != 0
			if !enter {
				return false
			}
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// NewPassword makes a password of 128 random bits.
func NewPassword() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// URL is the superuser's connection string for one database.
func (c Cluster) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, c.Password),
		Host: fmt.Sprintf("127.0.0.1:%d", c.Port), Path: database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Init makes the cluster when the data folder holds none. A folder that an
// interrupted Init left behind is made anew.
func (c Cluster) Init(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(c.Data, "PG_VERSION")); err == nil {
		return c.checkVersion()
	}
	if err := c.reachableBinaries(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.Data), 0o755); err != nil {
		return fmt.Errorf("making the database folder: %w", err)
	}
	// initdb works in a folder of its own, which takes its final name when it
	// is complete.
	fresh := c.Data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	pwfile, err := c.passwordFile()
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(pwfile) }()
	if c.Account != nil {
		for _, path := range []string{fresh, pwfile} {
			if err := os.Chown(path, int(c.Account.UID), int(c.Account.GID)); err != nil {
				return err
			}
		}
	}
	args := []string{
		"--pgdata", fresh, "--username", superuser, "--pwfile", pwfile, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions",
	}
	if c.Volatile {
		args = append(args, "--no-sync")
	}
	if err := c.run(ctx, "initdb", args...); err != nil {
		return err
	}
	return os.Rename(fresh, c.Data)
}

// passwordFile hands initdb the superuser's password. It lies in the
// temporary folder because the data folder must be empty.
func (c Cluster) passwordFile() (string, error) {
	f, err := os.CreateTemp("", "entrasync-pw-")
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(c.Password + "\n")
	return f.Name(), errors.Join(err, f.Close())
}

// checkVersion refuses a data folder of another major version with what to do,
// which the server itself says less clearly.
func (c Cluster) checkVersion() error {
	b, err := os.ReadFile(filepath.Join(c.Data, "PG_VERSION"))
	if err != nil {
		return err
	}
	if got := strings.TrimSpace(string(b)); got != strconv.Itoa(c.Binaries.Major) {
		return fmt.Errorf("%s was made by PostgreSQL %s, this machine has %d: install version %s, or start afresh with make reset", c.Data, got, c.Binaries.Major, got)
	}
	return nil
}

// reachableBinaries says early what would else be "permission denied".
func (c Cluster) reachableBinaries() error {
	if c.Account == nil || reachable(c.Account, c.Binaries.Path("postgres")) {
		return nil
	}
	return fmt.Errorf("PostgreSQL refuses to run as root and no other user can reach %s: allow it (chmod o+x on the folders above) or run as an ordinary user", c.Binaries.Dir)
}

func (c Cluster) run(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, c.Binaries.Path(program), args...)
	cmd.Env = c.Binaries.environ()
	cmd.Dir = "/"
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if c.Account != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: c.Account.UID, Gid: c.Account.GID}}
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}

// Server says how the server is started. Its log goes to standard error.
func (c Cluster) Server() child.Spec {
	settings := map[string]string{
		"port": strconv.Itoa(c.Port), "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
		"max_connections": "300", "shared_buffers": "256MB", "work_mem": "16MB", "maintenance_work_mem": "128MB",
		// The data fits in memory or lies on an SSD.
		"random_page_cost": "1.1",
		"max_wal_size":     "2GB", "checkpoint_timeout": "15min", "jit": "off",
		// A round writes more in a moment than the default holds, and would write it out itself.
		"wal_buffers": "64MB",
		// A round's advisory lock must not outlive a vanished client.
		"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3",
		"log_line_prefix": "%m [%p] %q%u@%d ", "log_checkpoints": "off", "timezone": "UTC", "log_timezone": "UTC",
		// No statement's text and no parameter in the log: they hold people's data.
		"log_min_error_statement": "panic", "log_parameter_max_length": "0",
		"cluster_name": "entrasync",
	}
	if c.Volatile {
		for name, value := range map[string]string{
			"max_connections": "600", "fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0",
		} {
			settings[name] = value
		}
	}
	args := []string{"-D", c.Data}
	for _, name := range sortedKeys(settings) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return child.Spec{
		Path: c.Binaries.Path("postgres"), Args: args, Env: c.Binaries.environ(), Dir: "/", User: c.Account,
		// SIGQUIT ends the backends with the server; after SIGKILL a busy one
		// would go on writing.
		OnDeath: syscall.SIGQUIT,
	}
}

// Ready connects and asks for nothing more.
func (c Cluster) Ready(ctx context.Context) error { return Ping(ctx, c.URL("postgres")) }

// Ping says whether the server behind a connection string answers.
func Ping(ctx context.Context, databaseURL string) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// EnsureDatabase makes a database where it is missing. Name and owner are
// identifiers that need no quoting; without an owner it is the caller's.
func EnsureDatabase(ctx context.Context, conn *pgx.Conn, name, owner string) error {
	create := "CREATE DATABASE " + name
	if owner != "" {
		create += " OWNER " + owner
	}
	_, err := conn.Exec(ctx, create)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "42P04" { // duplicate_database
		return nil
	}
	if err != nil {
		return fmt.Errorf("making database %s: %w", name, err)
	}
	return nil
}
