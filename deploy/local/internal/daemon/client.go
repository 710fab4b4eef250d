package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/entrasync/entrasync/deploy/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/internal/file"
)

// Client speaks to a checkout's supervisor.
type Client struct {
	where layout.Layout
	http  *http.Client
}

// NewClient makes a client; the supervisor need not run.
func NewClient(where layout.Layout) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket(where))
	}
	return &Client{where: where, http: &http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// Running says whether there is a supervisor. Its lock tells, which no dead
// process can hold.
func (c *Client) Running() (bool, error) {
	if _, err := os.Stat(lockFile(c.where)); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	f, held, err := file.TryLock(lockFile(c.where))
	if err != nil || held {
		return held, err
	}
	return false, f.Close()
}

// Report asks the supervisor how things are.
func (c *Client) Report(ctx context.Context) (Report, error) {
	res, err := c.call(ctx, http.MethodGet, "/status")
	if err != nil {
		return Report{}, err
	}
	defer res.Body.Close()
	var r Report
	return r, json.NewDecoder(res.Body).Decode(&r)
}

// Apply makes the supervisor read its options again and restart what has
// changed.
func (c *Client) Apply(ctx context.Context) error {
	res, err := c.call(ctx, http.MethodPost, "/apply")
	if err != nil {
		return err
	}
	return res.Body.Close()
}

func (c *Client) call(ctx context.Context, method, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("speaking to the supervisor: %w", err)
	}
	if res.StatusCode/100 != 2 {
		defer res.Body.Close()
		said, _ := io.ReadAll(io.LimitReader(res.Body, 4000)) // only to tell why
		return nil, errors.New(strings.TrimSpace(string(said)))
	}
	return res, nil
}

// Spawn starts program, with the arguments that make it call Serve, as the
// supervisor: in a session of its own, so that it outlives this terminal.
// ended gets the outcome if it ends while the caller still runs.
func (c *Client) Spawn(program string, args ...string) (ended <-chan error, err error) {
	if err := os.MkdirAll(c.where.Logs(), 0o700); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(LogFile(c.where), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(program, args...)
	cmd.Dir = c.where.Root
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the supervisor: %w", err)
	}
	outcome := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		if err == nil {
			err = errors.New("it ended")
		}
		outcome <- err
	}()
	return outcome, nil
}

// stopWait is how long everything may take to end. Then the supervisor is
// killed, and the kernel ends its children with it.
const stopWait = 90 * time.Second

// Stop ends the supervisor and all its processes, and returns when they are
// gone. None running is not an error.
func (c *Client) Stop(ctx context.Context) error {
	if running, err := c.Running(); err != nil || !running {
		return err
	}
	if res, err := c.call(ctx, http.MethodPost, "/stop"); err == nil {
		_ = res.Body.Close()
	} else if err := c.signal(syscall.SIGTERM); err != nil {
		return err // it neither listens nor can be signalled
	}
	if c.awaitEnd(ctx, stopWait) == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := c.signal(syscall.SIGKILL); err != nil {
		return err
	}
	return c.awaitEnd(ctx, 10*time.Second)
}

// signal is sent only while the lock is held, so the id in its file is the
// supervisor's and no other program's.
func (c *Client) signal(sig syscall.Signal) error {
	b, err := os.ReadFile(lockFile(c.where))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 1 {
		return fmt.Errorf("%s does not hold a process id", lockFile(c.where))
	}
	if running, err := c.Running(); err != nil || !running {
		return err
	}
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signalling the supervisor (%d): %w", pid, err)
	}
	return nil
}

func (c *Client) awaitEnd(ctx context.Context, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		running, err := c.Running()
		if err != nil || !running {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the supervisor does not end: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// Lock lets one command at a time start or stop the stack of a checkout.
func Lock(where layout.Layout) (unlock func(), err error) {
	if err := os.MkdirAll(where.State, 0o755); err != nil {
		return nil, err
	}
	f, held, err := file.TryLock(filepath.Join(where.State, "command.lock"))
	if err != nil {
		return nil, err
	}
	if held {
		return nil, errors.New("another up, down or reset is at work in this checkout; wait for it to end")
	}
	return func() { _ = f.Close() }, nil
}
