package checks

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAMissingCompilerTakesTheRaceDetectorAway and says so where a run begins and ends.
func TestAMissingCompilerTakesTheRaceDetectorAway(t *testing.T) {
	t.Parallel()
	for _, compiles := range []bool{true, false} {
		var out strings.Builder
		s := &Suite{
			Root: t.TempDir(), State: t.TempDir(), Out: &out, Now: time.Now,
			Compiles: func(context.Context) bool { return compiles },
		}
		require.Equal(t, compiles, len(s.raceFlags(t.Context())) == 1)
		s.Servers = func(context.Context, io.Writer) error { return errors.New("there are none") }
		require.ErrorIs(t, s.Test(t.Context()), ErrFailed)
		require.True(t, strings.HasSuffix(out.String(), "\n0 passed, 1 failed\n"), out.String())
		said := strings.Count(out.String(), withoutRace)
		if compiles {
			require.Zero(t, said)
			continue
		}
		require.Equal(t, 2, said, out.String())
		require.True(t, strings.HasPrefix(out.String(), withoutRace))
	}
}

// TestACompilerWithoutHeadersDoesNotCount has programs under the compiler's name.
func TestACompilerWithoutHeadersDoesNotCount(t *testing.T) {
	fails := filepath.Join(t.TempDir(), "cc")
	require.NoError(t, os.WriteFile(fails, []byte("#!/bin/sh\nexit 1\n"), 0o755))
	works := filepath.Join(t.TempDir(), "cc")
	require.NoError(t, os.WriteFile(works, []byte("#!/bin/sh\nexit 0\n"), 0o755))
	t.Setenv("CGO_ENABLED", "1")
	t.Setenv("CC", fails)
	require.False(t, CompilesC(t.Context()))
	t.Setenv("CC", works+" -flag")
	require.True(t, CompilesC(t.Context()))
	t.Setenv("CGO_ENABLED", "0")
	require.False(t, CompilesC(t.Context()))
}
