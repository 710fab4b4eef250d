package secrets_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/secrets"
)

// TestARotatedKeySetStaysWhoseItWas: whoever rotates, often root, must not take the
// key set away from the service that reads it.
func TestARotatedKeySetStaysWhoseItWas(t *testing.T) {
	t.Parallel()
	path, _ := newBox(t)
	owner := uint32(os.Getuid())
	if owner == 0 {
		owner = 65534
		require.NoError(t, os.Chown(path, int(owner), int(owner)))
	}
	require.NoError(t, os.Chmod(path, 0o400))
	id := rotate(t, path)
	require.NoError(t, secrets.Drop(t.Context(), secrets.Settings{File: path}, nil))
	info, err := os.Stat(path)
	require.NoError(t, err)
	stat, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	require.Equal(t, owner, stat.Uid)
	require.Equal(t, fs.FileMode(0o400), info.Mode().Perm())
	keys, _, err := secrets.Keys(t.Context(), secrets.Settings{File: path}, nil)
	require.NoError(t, err)
	require.Equal(t, id, keys[len(keys)-1].ID)
}

// TestALinkToAKeySetStaysALink: the service reads the file behind it.
func TestALinkToAKeySetStaysALink(t *testing.T) {
	t.Parallel()
	path, _ := newBox(t)
	link := filepath.Join(t.TempDir(), "link.json")
	require.NoError(t, os.Symlink(path, link))
	id := rotate(t, link)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&fs.ModeSymlink)
	for _, name := range []string{link, path} {
		keys, _, err := secrets.Keys(t.Context(), secrets.Settings{File: name}, nil)
		require.NoError(t, err)
		require.Len(t, keys, 2)
		require.Equal(t, id, keys[1].ID)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing lies about")
}
