package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/scratch"
)

// ServerVariable names the environment variable with the superuser URL of the
// server that tests use; without it the test process starts one of its own.
const ServerVariable = "ENTRASYNC_TEST_DATABASE_URL"

// startTimeout bounds the start of a cluster on a busy machine.
const startTimeout = 3 * time.Minute

// server gives the superuser URL of the server, once per test process.
var server = sync.OnceValues(func() (*url.URL, error) {
	if raw := os.Getenv(ServerVariable); raw != "" {
		parsed, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("%s is not a URL", ServerVariable)
		}
		return parsed, nil
	}
	return startCluster()
})

// guardScript runs the server until the test process ends (then its end of the
// pipe on standard input closes, however it ends), and removes the cluster.
const guardScript = `dir=$1; shift
"$@" >"$dir/log" 2>&1 &
pid=$!
cat >/dev/null
kill -QUIT $pid
wait $pid
rm -rf "$dir"`

// guards are our ends of the pipes; they must stay referenced, or the garbage
// collector would close them.
var guards []io.WriteCloser

// startCluster makes a throw-away cluster that stops when this process ends. It
// gives up durability for speed.
func startCluster() (*url.URL, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := scratch.Dir("entrasync-pgtest-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the cluster: %w", err)
	}
	if account != nil {
		if err := os.Chown(dir, int(account.Uid), int(account.Gid)); err != nil {
			return nil, fmt.Errorf("giving the cluster's folder away: %w", err)
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "--pgdata", data, "--username", "postgres",
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	initdb.Dir = dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	// Trust would hide a wrong password of a runtime role.
	hba := "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(hba), 0o600); err != nil {
		return nil, fmt.Errorf("writing pg_hba.conf: %w", err)
	}
	return launch(bin, dir, data, account)
}

func launch(bin, dir, data string, account *syscall.Credential) (*url.URL, error) {
	address, _, err := scratch.Address() // as long as this process lives
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	arguments := []string{"-c", guardScript, "guard", dir, filepath.Join(bin, "postgres"), "-D", data}
	for _, setting := range []string{
		"listen_addresses=127.0.0.1", "port=" + port, "unix_socket_directories=",
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=400",
		"shared_buffers=128MB", "max_wal_size=4GB", "random_page_cost=1.1", "log_min_messages=fatal",
	} {
		arguments = append(arguments, "-c", setting)
	}
	process := exec.Command("/bin/sh", arguments...)
	process.Dir = dir
	// A session of its own: Ctrl-C ends the tests, and the pipe then the server.
	process.SysProcAttr = &syscall.SysProcAttr{Credential: account, Setsid: true}
	input, err := process.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making the guard's pipe: %w", err)
	}
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("starting the cluster: %w", err)
	}
	guards = append(guards, input)
	where := &url.URL{Scheme: "postgres", User: url.User("postgres"), Host: address, Path: "/postgres"}
	if err := answers(where); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		return nil, errors.Join(fmt.Errorf("the cluster did not start: %w\n%s", err, log), input.Close())
	}
	return where, nil
}

// answers waits until the server takes connections.
func answers(where *url.URL) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, where.String())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// binaries finds the newest server installed by the system, or the one in PATH.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", fmt.Errorf("looking for PostgreSQL: %w", err)
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) > 0 {
		return filepath.Dir(found[0]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", fmt.Errorf("no PostgreSQL server here: install one (15 or newer) or set %s", ServerVariable)
	}
	return filepath.Dir(path), nil
}

// unprivileged is the account to run the server as, nil when we are not root:
// PostgreSQL refuses to run as root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil // nil credential: run as the current user
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("reading the account %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("running as root, and there is no user postgres or nobody to run the server as")
}
