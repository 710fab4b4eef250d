package main_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/internal/ports"
)

// machine is one on which deploy/prerequisites.sh finds only what a test puts there.
type machine struct {
	t    *testing.T
	root string // of a checkout with what the script reads
	bin  string // the whole PATH
	env  []string
}

// newMachine has Go and Node of the right age and nothing more, an ordinary user and free ports.
func newMachine(t *testing.T) *machine {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	checkout, err := layout.FindRoot(dir)
	require.NoError(t, err)
	m := &machine{t: t, root: t.TempDir(), bin: t.TempDir()}
	for _, path := range []string{"go.work", "deploy/prerequisites.sh", "deploy/local/internal/ports/ports.go"} {
		text, err := os.ReadFile(filepath.Join(checkout, path))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(m.root, path)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(m.root, path), text, 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(m.root, "go.work"), []byte("go 1.26.8\n"), 0o644))
	for _, tool := range []string{"sh", "sed", "awk", "grep", "cat", "dirname", "uname", "flock", "true"} {
		path, err := exec.LookPath(tool)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(m.bin, tool)))
	}
	set, err := ports.Random()
	require.NoError(t, err)
	for v, i := reflect.ValueOf(set), 0; i < v.NumField(); i++ {
		m.env = append(m.env, v.Type().Field(i).Tag.Get("env")+"="+strconv.FormatInt(v.Field(i).Int(), 10))
	}
	m.env = append(m.env, "PATH="+m.bin, "ENTRASYNC_POSTGRES_BIN="+t.TempDir())
	m.goIs("1.26.8", "auto")
	m.has("node", "echo v20.20.2")
	m.has("npm", "")
	m.has("id", "echo 1000")
	return m
}

// has puts a program there, as a script. No child is begun meanwhile: it would have the file open for
// writing for a moment, in which the kernel lets nobody run it.
func (m *machine) has(name, script string) {
	m.t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	require.NoError(m.t, os.WriteFile(filepath.Join(m.bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
}

func (m *machine) lacks(names ...string) {
	m.t.Helper()
	for _, name := range names {
		require.NoError(m.t, os.Remove(filepath.Join(m.bin, name)))
	}
}

func (m *machine) goIs(version, toolchain string) {
	m.t.Helper()
	m.has("go", `case "$2" in GOVERSION) echo go`+version+`;; GOTOOLCHAIN) echo `+toolchain+`;; CC) echo cc;; esac`)
}

// check runs the script for a command of the Makefile and answers what it says and whether the
// command may go on.
func (m *machine) check(verb string, env ...string) (said string, goesOn bool) {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), "/bin/sh", filepath.Join(m.root, "deploy/prerequisites.sh"), verb)
	cmd.Env = append(append([]string{}, m.env...), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func TestNothingIsSaidWhereNothingIsMissing(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	said, goesOn := m.check("up")
	require.True(t, goesOn, said)
	require.Empty(t, said)
}

func TestAGoReleaseThatIsTooOldIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.goIs("1.26.5", "local")
	said, goesOn := m.check("up")
	require.False(t, goesOn)
	require.Contains(t, said, "Go 1.26.5 is here; this needs 1.26.8 or newer")
	require.Contains(t, said, "https://go.dev/dl/go1.26.8.linux-")
	require.Contains(t, said, "export GOTOOLCHAIN=auto")

	m.goIs("1.26.5", "auto")
	said, goesOn = m.check("up")
	require.True(t, goesOn, said)
	require.Contains(t, said, "Go 1.26.5 fetches Go 1.26.8")

	for _, newer := range []string{"1.26.10", "1.27.0", "2.0.0"} {
		m.goIs(newer, "local")
		said, goesOn = m.check("up")
		require.True(t, goesOn, said)
	}

	m.lacks("go")
	said, goesOn = m.check("test")
	require.False(t, goesOn)
	require.Contains(t, said, "Go is missing; this needs 1.26.8 or newer")
}

func TestNodeOrPostgreSQLIsWanted(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.has("node", "echo v20.18.1")
	said, goesOn := m.check("up")
	require.False(t, goesOn)
	require.Contains(t, said, "Node 20.18.1 is here; this needs 20.19 or newer")
	require.Contains(t, said, "https://deb.nodesource.com/setup_20.x")
	require.Contains(t, said, "sudo apt-get install -y postgresql")

	m.lacks("node", "npm")
	said, goesOn = m.check("test")
	require.False(t, goesOn)
	require.Contains(t, said, "Node 20.19 or newer with npm is missing")
	said, goesOn = m.check("lint")
	require.False(t, goesOn)
	require.Contains(t, said, "Node 20.19 or newer with npm is missing")

	said, goesOn = m.check("up", "DATABASE_URL=postgres://somewhere/else")
	require.True(t, goesOn, said)

	m.has("postgres", "echo 'postgres (PostgreSQL) 14.9'")
	said, goesOn = m.check("up", "ENTRASYNC_POSTGRES_BIN="+m.bin)
	require.False(t, goesOn, said)
	m.has("postgres", "echo 'postgres (PostgreSQL) 15.4 (Debian 15.4-1)'")
	said, goesOn = m.check("up", "ENTRASYNC_POSTGRES_BIN="+m.bin)
	require.True(t, goesOn, said)
	require.Empty(t, said)
}

func TestAPortThatIsTakenIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	taken := "ENTRASYNC_PORT_SIMULATOR=" + port
	said, goesOn := m.check("up", taken)
	require.False(t, goesOn)
	require.Contains(t, said, "port "+port+" is taken by another program: end that program, or choose another port with ENTRASYNC_PORT_SIMULATOR")

	said, goesOn = m.check("up", taken, "ENTRASYNC_MICROSOFT_LOGIN_URL=https://login.microsoftonline.com")
	require.True(t, goesOn, "the simulator is not started then: %s", said)

	// The stack of this checkout runs, and has its own ports.
	lock := filepath.Join(m.root, ".local/run/supervisor.pid")
	require.NoError(t, os.MkdirAll(filepath.Dir(lock), 0o755))
	f, err := os.Create(lock)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	said, goesOn = m.check("up", taken)
	require.True(t, goesOn, said)
}

func TestWithoutACompilerTheTestsGoOn(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	said, goesOn := m.check("test")
	require.True(t, goesOn, said)
	require.Contains(t, said, "the tests run without the race detector")
	require.Contains(t, said, "sudo apt-get install -y gcc libc6-dev")

	m.has("cc", "exit 0")
	said, goesOn = m.check("test")
	require.True(t, goesOn, said)
	require.Empty(t, said)
}

func TestRootGetsACompiler(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.has("id", "echo 0")
	said, goesOn := m.check("test")
	require.True(t, goesOn, said)
	require.Contains(t, said, "\n  apt-get install -y gcc libc6-dev", "where there is no apt-get here")

	m.has("apt-get", `echo "$*" >>`+m.bin+`/log; [ "$1" = update ] || { echo '#!/bin/sh' >`+m.bin+`/cc; `+
		`/bin/chmod +x `+m.bin+`/cc; }`)
	said, goesOn = m.check("test")
	require.True(t, goesOn, said)
	require.Contains(t, said, "installing a C compiler")
	require.NotContains(t, said, "without the race detector")
	log, err := os.ReadFile(filepath.Join(m.bin, "log"))
	require.NoError(t, err)
	require.Contains(t, string(log), "install -y -qq --no-install-recommends gcc libc6-dev")
}
