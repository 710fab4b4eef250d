package build

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Programs, the console and Temporal are built into one folder, one after the other.
func TestWhateverIsBuiltTakesTheSameLock(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../../../..")
	require.NoError(t, err)
	bin := filepath.Join(t.TempDir(), "bin")
	require.NoError(t, inWorkspace(t.Context(), root, bin, []string{"version"}))
	var said bytes.Buffer
	unlock, err := lock(t.Context(), bin, &said)
	require.NoError(t, err)
	defer unlock()
	require.Empty(t, said.String())
}
