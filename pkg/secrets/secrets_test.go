package secrets_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/secrets"
)

func TestTextDoesNotPrint(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	text := secrets.Text(secret)
	holder := struct {
		Password secrets.Text
		Pointer  *secrets.Text
		Values   map[string]secrets.Text
	}{text, &text, map[string]secrets.Text{"k": text}}
	var out bytes.Buffer
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%X", "%d", "%t", "%10s", "%T %v"} {
		if verb == "%T %v" {
			fmt.Fprintf(&out, verb, text, text)
			continue
		}
		fmt.Fprintf(&out, verb+"\n", text)
		fmt.Fprintf(&out, verb+"\n", holder)
		fmt.Fprintf(&out, verb+"\n", []secrets.Text{text})
	}
	fmt.Fprintln(&out, text, holder, fmt.Errorf("wrong: %v", text))
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("m", "secret", text, "in", holder.Password, "list", []secrets.Text{text})
	}
	raw, err := json.Marshal(holder)
	require.NoError(t, err)
	out.Write(raw)
	require.NotContains(t, out.String(), secret)
	require.NotContains(t, out.String(), fmt.Sprintf("%x", secret))
	require.Contains(t, out.String(), secrets.Redacted)

	require.Equal(t, secret, text.Reveal())
	require.True(t, text.Equal(secret))
	require.False(t, text.Equal("other"))
	require.False(t, text.Empty())
	var read secrets.Text
	require.NoError(t, read.UnmarshalText([]byte(secret)))
	require.Equal(t, text, read)
}

func newBox(t *testing.T) (path string, box *secrets.Box) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "master.json")
	created, err := secrets.NewKeyFile(path)
	require.NoError(t, err)
	require.True(t, created)
	box, err = secrets.OpenBox(path)
	require.NoError(t, err)
	return path, box
}

func TestBoxSeals(t *testing.T) {
	t.Parallel()
	_, box := newBox(t)
	rapid.Check(t, func(t *rapid.T) {
		plain, about := secrets.Text(rapid.String().Draw(t, "plain")), rapid.String().Draw(t, "about")
		sealed, err := box.Seal(plain, about)
		require.NoError(t, err)
		opened, err := box.Open(sealed, about)
		require.NoError(t, err)
		require.Equal(t, plain, opened)
		_, err = box.Open(sealed, about+"x")
		require.Error(t, err, "it belongs to one place")
		sealed[rapid.IntRange(0, len(sealed)-1).Draw(t, "at")] ^= 1
		_, err = box.Open(sealed, about)
		require.Error(t, err, "it was tampered with")
	})
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	path, box := newBox(t)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	sealed, err := box.Seal("secret", "a")
	require.NoError(t, err)
	id, ok := secrets.KeyIDOf(sealed)
	require.True(t, ok)
	require.Equal(t, box.KeyID(), id)

	created, err := secrets.NewKeyFile(path)
	require.NoError(t, err)
	require.False(t, created, "an existing key is never replaced")
	_, err = secrets.Rotate(t.Context(), secrets.Settings{File: path}, nil)
	require.NoError(t, err)
	rotated, err := secrets.OpenBox(path)
	require.NoError(t, err)
	require.NotEqual(t, box.KeyID(), rotated.KeyID())
	opened, err := rotated.Open(sealed, "a")
	require.NoError(t, err, "older keys still open")
	require.Equal(t, secrets.Text("secret"), opened)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left behind")
}

func TestKeyFileIsMadeOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.json")
	var wg sync.WaitGroup
	made := make([]bool, 8)
	for i := range made {
		wg.Go(func() {
			created, err := secrets.NewKeyFile(path)
			if err == nil {
				made[i] = created
			}
		})
	}
	wg.Wait()
	n := 0
	for _, created := range made {
		if created {
			n++
		}
	}
	require.Equal(t, 1, n)
}

func TestBadKeyFilesAreRefused(t *testing.T) {
	t.Parallel()
	path, _ := newBox(t)
	require.NoError(t, os.Chmod(path, 0o644))
	_, err := secrets.OpenBox(path)
	require.ErrorContains(t, err, "only its owner")
	require.NoError(t, os.Chmod(path, 0o600))
	require.NoError(t, os.WriteFile(path, []byte(`{"key": "hunter2`), 0o600))
	_, err = secrets.OpenBox(path)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	_, err = secrets.OpenBox(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, ok := secrets.KeyIDOf([]byte{1, 2})
	require.False(t, ok)
}
