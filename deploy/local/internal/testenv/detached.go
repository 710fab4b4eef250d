package testenv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/entrasync/entrasync/deploy/local/internal/file"
)

// state is what a detached environment writes about itself.
type state struct {
	PID          int    `json:"pid"`
	DatabaseURL  string `json:"databaseUrl"`
	TemporalAddr string `json:"temporalAddr"`
	Error        string `json:"error,omitempty"`
}

// Serve runs an environment until ctx ends; it is the body of the process that
// Detach starts. The file's lock is held all the time, so that there is one,
// and a number that a dead one left behind is never signalled.
func Serve(ctx context.Context, o Options, file string) (err error) {
	f, err := acquire(ctx, file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	defer func() { _ = os.Remove(file) }()
	env, err := Start(ctx, o)
	if err != nil {
		return errors.Join(err, write(f, state{PID: os.Getpid(), Error: err.Error()}))
	}
	defer func() { err = errors.Join(err, env.Stop()) }()
	if err := write(f, state{PID: os.Getpid(), DatabaseURL: env.DatabaseURL, TemporalAddr: env.TemporalAddr}); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case <-env.Ended():
		return errors.New("a server ended by itself")
	}
}

// Detach starts self (this program, with the arguments that make it call
// Serve) in the background, or finds the one that runs, and prints its
// variables as export lines.
func Detach(ctx context.Context, out io.Writer, file string, self []string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout+stopGrace)
	defer cancel()
	if s, ok := read(file); ok && s.DatabaseURL != "" {
		return print(out, s)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	log, err := os.Create(file + ".log")
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(self[0], self[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(errors.New("it ended"), cmd.Wait()) }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if s, ok := read(file); ok && s.DatabaseURL != "" {
			return print(out, s)
		}
		select {
		case err := <-ended:
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("the test environment ended at once (%w): %s", err, said)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// StopDetached ends the environment that file tells of; none is not an error.
func StopDetached(ctx context.Context, file string) error {
	s, ok := read(file)
	if !ok || s.PID <= 1 {
		return nil
	}
	if err := syscall.Kill(s.PID, syscall.SIGTERM); err != nil {
		return fmt.Errorf("ending process %d: %w", s.PID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 3*stopGrace)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, ok := read(file); !ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d does not end: %w", s.PID, ctx.Err())
		case <-tick.C:
		}
	}
}

func print(out io.Writer, s state) error {
	_, err := fmt.Fprintf(out, "export %s='%s'\nexport %s='%s'\n# process %d\n", DatabaseVariable, s.DatabaseURL, TemporalVariable, s.TemporalAddr, s.PID)
	return err
}

// acquire takes the file's lock. A process that only looks holds it for a
// moment, so a lock that is held is tried again before it counts as another environment.
func acquire(ctx context.Context, path string) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		f, held, err := file.TryLock(path)
		if err != nil || !held {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.New("a detached test environment runs already")
		case <-tick.C:
		}
	}
}

func write(f *os.File, s state) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	return err
}

// read answers the state of a living environment.
func read(path string) (state, bool) {
	if _, err := os.Stat(path); err != nil {
		return state{}, false
	}
	f, held, err := file.TryLock(path)
	if err != nil {
		return state{}, false
	}
	if !held {
		_ = f.Close()
		return state{}, false
	}
	var s state
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &s) != nil {
		return state{}, true // alive, but has not written yet
	}
	return s, true
}
