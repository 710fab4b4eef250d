// Package daemon runs a stack in the background: one supervisor for each
// checkout, which outlives the command that started it and is spoken to over a
// socket that only its owner can reach.
package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/entrasync/entrasync/deploy/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/internal/file"
	"github.com/entrasync/entrasync/deploy/local/stack"
)

// ErrRunning says that the checkout has a supervisor already.
var ErrRunning = errors.New("a supervisor runs already")

// Report is what the supervisor says about itself.
type Report struct {
	PID int `json:"pid"`
	// Program is a digest of the program that the supervisor runs.
	Program   string         `json:"program"`
	Processes []stack.Status `json:"processes"`
}

// Serve runs the stack that the options file describes until ctx ends or it is
// told to stop, then stops it. A second one is refused with ErrRunning.
func Serve(ctx context.Context, where layout.Layout, log *slog.Logger) (err error) {
	unlock, err := acquire(ctx, where)
	if err != nil {
		return err
	}
	defer unlock()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	program, err := file.Digest("/proc/self/exe")
	if err != nil {
		return err
	}
	options, err := readOptions(where)
	if err != nil {
		return err
	}
	s, err := stack.New(ctx, options, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := s.Run(); err != nil {
		return err
	}
	d := &daemon{where: where, stack: s, program: program, stop: stop}
	return d.listen(ctx)
}

type daemon struct {
	where   layout.Layout
	program string
	stop    context.CancelFunc

	mu    sync.Mutex // a reload changes the stack
	stack *stack.Stack
}

// listen answers on the socket until ctx ends.
func (d *daemon) listen(ctx context.Context) error {
	path := socket(d.where)
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err // one that a killed supervisor left
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("opening the control socket: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", d.status)
	mux.HandleFunc("POST /apply", d.apply)
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		d.stop()
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() {
		// Answers on their way are finished; there is nothing to wait for.
		_ = server.Shutdown(context.WithoutCancel(ctx))
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (d *daemon) status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	d.mu.Lock()
	report := Report{PID: os.Getpid(), Program: d.program, Processes: d.stack.Status()}
	d.mu.Unlock()
	// An error means that the asker is gone.
	_ = json.NewEncoder(w).Encode(report)
}

func (d *daemon) apply(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	options, err := readOptions(d.where)
	if err == nil {
		err = d.stack.Reload(r.Context(), options)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	}
}

// WriteOptions hands the options to the supervisor. They may hold a database
// password, so the file is the owner's alone.
func WriteOptions(where layout.Layout, options stack.Options) error {
	b, err := json.MarshalIndent(options, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(where.Run(), 0o700); err != nil {
		return err
	}
	return os.WriteFile(optionsFile(where), b, 0o600)
}

func readOptions(where layout.Layout) (stack.Options, error) {
	b, err := os.ReadFile(optionsFile(where))
	if err != nil {
		return stack.Options{}, err
	}
	var options stack.Options
	if err := json.Unmarshal(b, &options); err != nil {
		return options, fmt.Errorf("reading %s: %w", optionsFile(where), err)
	}
	return options, nil
}

func optionsFile(where layout.Layout) string { return filepath.Join(where.Run(), "stack.json") }
func lockFile(where layout.Layout) string    { return filepath.Join(where.Run(), "supervisor.pid") }

// LogFile is where the supervisor says what it does.
func LogFile(where layout.Layout) string { return filepath.Join(where.Logs(), "supervisor.log") }

// socket is the control socket's path. The kernel takes at most 107 bytes, so
// a deep checkout's lies in the temporary folder.
func socket(where layout.Layout) string {
	path := filepath.Join(where.Run(), "control")
	if len(path) <= 100 {
		return path
	}
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(os.TempDir(), fmt.Sprintf("entrasync-%d-%s", os.Getuid(), hex.EncodeToString(sum[:8])), "control")
}

// acquire takes the lock that the one supervisor of a checkout holds as long
// as it runs, and writes its process id there. A process that looks
// whether it is held takes it for a moment, so it is tried a few times.
func acquire(ctx context.Context, where layout.Layout) (unlock func(), err error) {
	if err := os.MkdirAll(where.Run(), 0o700); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		f, held, err := file.TryLock(lockFile(where))
		if err != nil {
			return nil, err
		}
		if !held {
			if err := f.Truncate(0); err != nil {
				return nil, errors.Join(err, f.Close())
			}
			if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
				return nil, errors.Join(err, f.Close())
			}
			return func() { _ = f.Close() }, nil // closing gives the lock back
		}
		select {
		case <-ctx.Done():
			return nil, ErrRunning
		case <-tick.C:
		}
	}
}
