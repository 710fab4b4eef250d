package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLogStartsAnewAtItsLimit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.log")
	r := &rotating{path: path, limit: 10, keep: 2}
	for i := range 5 {
		_, err := fmt.Fprintf(r, "line %d\n", i)
		require.NoError(t, err)
	}
	require.NoError(t, r.Close())
	for name, want := range map[string]string{path: "line 4\n", path + ".1": "line 3\n", path + ".2": "line 2\n"} {
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	require.NoFileExists(t, path+".3")
}
