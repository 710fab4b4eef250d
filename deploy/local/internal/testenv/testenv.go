// Package testenv gives tests a PostgreSQL and a Temporal server of their own,
// which leave nothing behind.
package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/deploy/local/internal/child"
	"github.com/entrasync/entrasync/deploy/local/internal/ports"
	"github.com/entrasync/entrasync/deploy/local/internal/postgres"
	"github.com/entrasync/entrasync/deploy/local/internal/temporal"
	"github.com/entrasync/entrasync/migrations/scram"
	"github.com/entrasync/entrasync/pkg/scratch"
)

// Variables through which a test finds its environment.
const (
	DatabaseVariable = "ENTRASYNC_TEST_DATABASE_URL"
	TemporalVariable = "ENTRASYNC_TEST_TEMPORAL_ADDR"
)

const (
	startTimeout = 3 * time.Minute // on a machine that compiles meanwhile
	stopGrace    = 10 * time.Second
)

// Options says where the programs are.
type Options struct {
	// NPMDir is where the npm build of PostgreSQL is kept.
	NPMDir string
	// TemporalBin is the folder with Temporal's programs.
	TemporalBin string
}

// Env is a running environment.
type Env struct {
	// DatabaseURL is the superuser's.
	DatabaseURL string
	// TemporalAddr is host:port; the namespace "default" exists.
	TemporalAddr string

	dir     string
	running []stopper
}

type stopper struct {
	process *child.Process
	signal  syscall.Signal
}

// Start starts both servers and returns when they serve. On error nothing is
// left behind.
func Start(ctx context.Context, o Options) (env *Env, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	dir, err := scratch.Dir("entrasync-testenv-")
	if err != nil {
		return nil, err
	}
	env = &Env{dir: dir}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w%s", err, env.logTails())
			err = errors.Join(err, env.Stop())
		}
	}()
	// PostgreSQL may run as another user, who must get through here.
	if err := os.Chmod(dir, 0o711); err != nil {
		return env, err
	}
	set, err := ports.Random()
	if err != nil {
		return env, err
	}
	if err := env.startPostgres(ctx, o, set); err != nil {
		return env, err
	}
	return env, env.startTemporal(ctx, o, set)
}

func (e *Env) startPostgres(ctx context.Context, o Options, set ports.Set) error {
	binaries, err := postgres.Find(ctx, o.NPMDir)
	if err != nil {
		return err
	}
	account, err := postgres.Account()
	if err != nil {
		return err
	}
	cluster := postgres.Cluster{
		Binaries: binaries, Data: filepath.Join(e.dir, "postgres"), Port: set.PostgreSQL,
		Password: postgres.NewPassword(), Volatile: true, Account: account,
	}
	if err := cluster.Init(ctx); err != nil {
		return err
	}
	e.DatabaseURL = cluster.URL("postgres")
	if err := e.run(ctx, "postgres", cluster.Server(), syscall.SIGINT, cluster.Ready); err != nil {
		return err
	}
	return e.quickSignIn(ctx, cluster.Password)
}

// quickSignIn spares the thousands of connections that tests make as the superuser the work of
// signing in: the password is random, and nobody guesses it.
func (e *Env) quickSignIn(ctx context.Context, password string) error {
	verifier, err := scram.Verifier(password, 1)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, e.DatabaseURL)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "ALTER ROLE CURRENT_USER PASSWORD '"+verifier+"'")
	return errors.Join(err, conn.Close(ctx))
}

func (e *Env) startTemporal(ctx context.Context, o Options, set ports.Set) error {
	server := temporal.Server{
		Bin: o.TemporalBin, Dir: filepath.Join(e.dir, "temporal"), Ports: set,
		AdminURL: e.DatabaseURL, Password: postgres.NewPassword(), Namespace: "default",
	}
	if err := server.WriteConfig(); err != nil {
		return err
	}
	log, err := e.log("temporal-schema")
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	if err := server.Schema(ctx, log); err != nil {
		return err
	}
	e.TemporalAddr = ports.Addr(set.Temporal)
	return e.run(ctx, "temporal", server.Process(), syscall.SIGTERM, server.Ready)
}

func (e *Env) log(name string) (*os.File, error) {
	return os.Create(filepath.Join(e.dir, name+".log"))
}

// run starts one server and waits until ready no longer fails.
func (e *Env) run(ctx context.Context, name string, spec child.Spec, stop syscall.Signal, ready func(context.Context) error) error {
	log, err := e.log(name)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child has its own copy
	spec.Output = log
	p, err := child.Run(spec)
	if err != nil {
		return err
	}
	e.running = append(e.running, stopper{process: p, signal: stop})
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			return fmt.Errorf("%s ended before it was ready: %w", name, p.Err())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", name, err)
		case <-tick.C:
		}
	}
}

// Environ is the variables that a test needs, as "NAME=value".
func (e *Env) Environ() []string {
	return []string{DatabaseVariable + "=" + e.DatabaseURL, TemporalVariable + "=" + e.TemporalAddr}
}

// Ended is closed when one of the servers has ended by itself.
func (e *Env) Ended() <-chan struct{} {
	ended := make(chan struct{}, len(e.running))
	for _, r := range e.running {
		go func() {
			<-r.process.Done()
			ended <- struct{}{}
		}()
	}
	return ended
}

// Stop ends both servers and deletes their data.
func (e *Env) Stop() error {
	for i := len(e.running) - 1; i >= 0; i-- {
		e.running[i].process.Stop(e.running[i].signal, stopGrace)
	}
	e.running = nil
	return os.RemoveAll(e.dir)
}

// logTails is what the servers last said, for the error of a failed start.
func (e *Env) logTails() string {
	const most = 2000
	var text strings.Builder
	logs, _ := filepath.Glob(filepath.Join(e.dir, "*.log")) // the pattern is well-formed
	for _, path := range logs {
		b, err := os.ReadFile(path)
		if err != nil || len(b) == 0 {
			continue
		}
		fmt.Fprintf(&text, "\n--- %s\n%s", filepath.Base(path), b[max(0, len(b)-most):])
	}
	return text.String()
}
