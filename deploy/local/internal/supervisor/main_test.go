package supervisor_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/local/internal/child"
	"github.com/entrasync/entrasync/deploy/local/internal/supervisor"
)

// The test binary plays the processes: started with this variable it does what
// the variable says.
const (
	roleVariable = "SUPERVISOR_TEST_ROLE"
	dirVariable  = "SUPERVISOR_TEST_DIR"
	nameVariable = "SUPERVISOR_TEST_NAME"
	needVariable = "SUPERVISOR_TEST_NEED"
)

func TestMain(m *testing.M) {
	role, dir := os.Getenv(roleVariable), os.Getenv(dirVariable)
	switch role {
	case "":
		os.Exit(m.Run())
	case "serve":
		serve(dir, true)
	case "stubborn":
		serve(dir, false)
	case "fail":
		appendLine(filepath.Join(dir, "starts"), strconv.FormatInt(time.Now().UnixNano(), 10))
		os.Exit(1)
	case "family":
		// A process with a child of its own that nobody tells to stop.
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(environ("stubborn", dir, "grandchild"), needVariable+"=")
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		serve(dir, true)
	case "supervisor":
		s := supervisor.New(dir, timing(), time.Now, slog.New(slog.DiscardHandler))
		if err := s.Apply([]supervisor.Process{process(dir, "orphan", "stubborn")}); err != nil {
			panic(err)
		}
		select {}
	}
}

// serve says that it runs by a file that holds its process id, until it is told
// to end.
func serve(dir string, obedient bool) {
	if need := os.Getenv(needVariable); need != "" {
		if _, err := os.Stat(filepath.Join(dir, need)); err != nil {
			fmt.Println("what I need is not there")
			os.Exit(1)
		}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	path := filepath.Join(dir, os.Getenv(nameVariable))
	if err := os.WriteFile(path+".new", []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		panic(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		panic(err)
	}
	for range signals {
		if obedient {
			appendLine(filepath.Join(dir, "ends"), os.Getenv(nameVariable))
			os.Exit(0)
		}
	}
}

func appendLine(path, line string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := f.WriteString(line + "\n"); err != nil {
		panic(err)
	}
}

func environ(role, dir, name string) []string {
	return []string{roleVariable + "=" + role, dirVariable + "=" + dir, nameVariable + "=" + name}
}

// timing gives those who obey all the time that a busy machine needs.
func timing() supervisor.Timing {
	return supervisor.Timing{
		First: 20 * time.Millisecond, Most: 80 * time.Millisecond, Healthy: time.Minute,
		Poll: 5 * time.Millisecond, Watch: 20 * time.Millisecond, Probe: mostWait, Grace: mostWait,
	}
}

// mostWait is how long a test waits for what happens at once on a machine that does nothing else.
const mostWait = time.Minute

// process is a child that counts as ready once its file holds a living
// process.
func process(dir, name, role string, after ...string) supervisor.Process {
	return supervisor.Process{
		Name: name, After: after, Version: "1",
		Spec: child.Spec{Path: os.Args[0], Env: environ(role, dir, name), Dir: dir},
		Ready: func(context.Context) error {
			pid, err := pidIn(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			return syscall.Kill(pid, 0)
		},
	}
}

func pidIn(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(b))
}

type bundle struct {
	*supervisor.Supervisor
	dir string
}

func setup(t *testing.T) bundle {
	t.Helper()
	return setupWith(t, timing())
}

func setupWith(t *testing.T, timing supervisor.Timing) bundle {
	t.Helper()
	dir := t.TempDir()
	s := supervisor.New(dir, timing, time.Now, slog.New(slog.DiscardHandler))
	t.Cleanup(s.Stop)
	return bundle{Supervisor: s, dir: dir}
}

func (b bundle) wait(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), mostWait)
	defer cancel()
	require.NoError(t, b.Wait(ctx))
}

func (b bundle) status(t *testing.T, name string) supervisor.Status {
	t.Helper()
	for _, s := range b.Status() {
		if s.Name == name {
			return s
		}
	}
	require.FailNow(t, "no such process", name)
	return supervisor.Status{}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, mostWait, 5*time.Millisecond, what)
}

// gone says whether a process has ended; one that only waits to be collected
// by init has.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return true
	}
	return zombie.Match(b)
}
