package scratch_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/scratch"
)

const prefix = "entrasync-scratch-test-"

// TestMain is also the process that is killed.
func TestMain(m *testing.M) {
	if os.Getenv("SCRATCH_AND_WAIT") == "" {
		os.Exit(m.Run())
	}
	dir, err := scratch.Dir(prefix)
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "left"), nil, 0o600); err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString(dir + "\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// TestAFolderLivesAsLongAsItsProcess: another one leaves it alone, and takes it away when its owner was killed.
func TestAFolderLivesAsLongAsItsProcess(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	other := exec.CommandContext(t.Context(), os.Args[0])
	other.Env = append(os.Environ(), "SCRATCH_AND_WAIT=1")
	_, err := other.StdinPipe()
	require.NoError(t, err)
	said, err := other.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	line, _, err := bufio.NewReader(said).ReadLine()
	require.NoError(t, err)
	theirs := string(line)

	ours, err := scratch.Dir(prefix)
	require.NoError(t, err)
	require.Equal(t, os.Getenv("TMPDIR"), filepath.Dir(ours))
	require.NotEqual(t, theirs, ours)
	require.FileExists(t, filepath.Join(theirs, "left"))

	require.NoError(t, other.Process.Kill())
	require.Error(t, other.Wait())
	another, err := scratch.Dir(prefix)
	require.NoError(t, err)
	require.NoDirExists(t, theirs)
	require.DirExists(t, ours, "this process holds it")
	require.DirExists(t, another)
}

func TestAFolderIsInMemoryWhereThereIsRoom(t *testing.T) {
	t.Setenv("TMPDIR", "")
	dir, err := scratch.Dir(prefix)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.Contains(t, []string{"/dev/shm", os.TempDir()}, filepath.Dir(dir))
}
