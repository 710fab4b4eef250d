package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/entrasync/entrasync/deploy/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/internal/postgres"
	"github.com/entrasync/entrasync/deploy/local/internal/supervisor"
	"github.com/entrasync/entrasync/deploy/local/internal/temporal"
)

// Status is what there is to know about one process.
type Status = supervisor.Status

// Stack is a running system.
type Stack struct {
	options    Options
	layout     layout.Layout
	temporary  bool
	cluster    *postgres.Cluster // nil with another database
	temporal   temporal.Server
	secrets    secrets
	adminURL   string // the entrasync database, as an administrator
	supervisor *supervisor.Supervisor
	log        *slog.Logger
}

// URLs says where things are.
type URLs struct {
	// Gateway is the public HTTP interface, GatewayAdmin its health and metrics.
	Gateway, GatewayAdmin string
	// Simulator and Identity are empty when others stand in for them.
	Simulator, Identity string
	// TemporalUI opens on the runs in a browser, Temporal is host:port.
	TemporalUI, Temporal string
	// Database is an administrator's connection string.
	Database string
	// PlatformKey is what the platform API wants in x-api-key.
	PlatformKey string
	// Logs is the folder with one log file for each process.
	Logs string
}

// New prepares a stack: folders, secrets, certificates, the database cluster.
// Nothing runs yet. The programs must have been built (see Build).
func New(ctx context.Context, options Options, log *slog.Logger) (*Stack, error) {
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	temporary, err := options.makeState()
	if err != nil {
		return nil, err
	}
	s := &Stack{options: options, layout: options.layout(), temporary: temporary, log: log}
	s.supervisor = supervisor.New(s.layout.Logs(), supervisor.Defaults(), time.Now, log)
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.cleanUp())
	}
	return s, nil
}

// Start builds what has changed, starts a stack and returns when every process
// is ready, or with what failed and nothing left running. What the build says
// goes to the standard error.
func Start(ctx context.Context, options Options) (*Stack, error) {
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	if err := Build(ctx, options, os.Stderr); err != nil {
		return nil, err
	}
	s, err := New(ctx, options, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	if err := s.Run(); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	if err := s.Wait(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, Explain(err)), s.Stop())
	}
	return s, nil
}

// Run starts the processes, or makes the running ones equal to the options.
func (s *Stack) Run() error {
	processes, err := s.processes()
	if err != nil {
		return err
	}
	return s.supervisor.Apply(processes)
}

// Reload makes the running stack equal to other options: what has changed is
// started anew, the rest is left alone.
func (s *Stack) Reload(ctx context.Context, options Options) error {
	options, err := options.complete()
	if err != nil {
		return err
	}
	if options.State == "" {
		options.State = s.options.State // a temporary one
	}
	if _, err := options.makeState(); err != nil {
		return err
	}
	if options.State != s.options.State {
		return errors.New("a running stack cannot move to another folder")
	}
	next := *s
	next.options = options
	if err := next.prepare(ctx); err != nil {
		return err
	}
	*s = next
	return s.Run()
}

// Wait returns when every process is ready, or when ctx ends.
func (s *Stack) Wait(ctx context.Context) error { return s.supervisor.Wait(ctx) }

// Status lists the processes in the order in which they start.
func (s *Stack) Status() []Status { return s.supervisor.Status() }

// Kill sends a signal to one process and returns the id of the process that
// got it. The supervisor starts again what dies of it.
func (s *Stack) Kill(process string, signal syscall.Signal) (pid int, err error) {
	return s.supervisor.Kill(process, signal)
}

// Stop ends every process, and deletes the data of a temporary stack.
func (s *Stack) Stop() error {
	s.supervisor.Stop()
	return s.cleanUp()
}

func (s *Stack) cleanUp() error {
	if !s.temporary {
		return nil
	}
	return Delete(s.layout)
}

// Delete removes the data of a stack that does not run: databases, logs,
// secrets, certificates. What was built stays.
func Delete(where layout.Layout) error {
	var failed []error
	for _, path := range []string{where.Data(), where.Logs(), where.Run(), where.Secrets(), where.TLS(), where.PlatformKey(), where.Shared()} {
		failed = append(failed, os.RemoveAll(path))
	}
	// A temporary stack's folder holds nothing else; a checkout's does.
	_ = os.Remove(where.State)
	return errors.Join(failed...)
}

// URLs says where things are.
func (s *Stack) URLs() URLs { return s.options.urls(s.adminURL, s.secrets.platformKey) }

// Endpoints says where the things of a stack that another process runs are.
// The database's address is left out, since only that process knows it.
func Endpoints(options Options) (URLs, error) {
	options, err := options.complete()
	if err != nil {
		return URLs{}, err
	}
	key := options.PlatformKey
	if key == "" {
		if key, err = readSecret(options.layout().PlatformKey()); err != nil {
			return URLs{}, err
		}
	}
	return options.urls("", key), nil
}

// Options are what the stack is like, with what was left empty filled in, for a
// Reload that changes some of it.
func (s *Stack) Options() Options { return s.options }

// Addr is where a service listens for calls from other services.
func (s *Stack) Addr(service string) string { return s.options.addr(service) }

// TLSDir is the folder with a service's certificate.
func (s *Stack) TLSDir(service string) string { return filepath.Join(s.layout.TLS(), service) }

// TemporalTLSDir is the folder with the certificate with which a party reaches Temporal: "worker",
// "temporal-ui" or "operator".
func (s *Stack) TemporalTLSDir(party string) string {
	return filepath.Join(s.layout.TemporalTLS(), party)
}

// Explain adds the last lines of the logs of the processes that a failed Wait
// names.
func Explain(err error) string {
	const most = 3000 // bytes of each log
	var notReady *supervisor.NotReadyError
	if !errors.As(err, &notReady) {
		return ""
	}
	var text strings.Builder
	for _, p := range notReady.Processes {
		if p.State == supervisor.Waiting {
			continue // for one of the others
		}
		fmt.Fprintf(&text, "--- the end of %s\n%s\n", p.Log, tail(p.Log, most))
	}
	return text.String()
}

func tail(path string, most int64) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Size() > most {
		if _, err := f.Seek(-most, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
