package checks

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestARunSaysWhatItWaitsFor plays the output of a run and asks in between.
func TestARunSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	r := newResults(&log)
	play := func(lines ...string) string {
		r.read(strings.NewReader(strings.Join(lines, "\n")))
		return r.waits()
	}
	require.Equal(t, "0 tests of 0 packages passed, 0 failed; waiting for the compiler", play())
	const one, two = `"Package":"github.com/entrasync/entrasync/pkg/one"`, `"Package":"github.com/entrasync/entrasync/pkg/two"`
	require.Equal(t, "0 tests of 0 packages passed, 0 failed; waiting for pkg/one (TestA), pkg/two", play(
		`{"Action":"start",`+one+`}`, `{"Action":"start",`+two+`}`,
		`{"Action":"run",`+one+`,"Test":"TestA"}`, `{"Action":"run",`+one+`,"Test":"TestA/part"}`, `{"Action":"output",`+one+`,"Test":"TestA","Output":"=== RUN"}`,
		`{"Action":"run",`+one+`,"Test":"TestB"}`, `{"Action":"pause",`+one+`,"Test":"TestB"}`,
	))
	require.Equal(t, "1 tests of 1 packages passed, 1 failed; waiting for pkg/one (TestB)", play(
		`{"Action":"pass",`+one+`,"Test":"TestA"}`, `{"Action":"cont",`+one+`,"Test":"TestB"}`,
		`{"Action":"fail",`+two+`,"Test":"TestC"}`, `{"Action":"fail",`+two+`,"Elapsed":1.5}`,
	))
	require.Contains(t, log.String(), "1.5s pkg/two")
}

// TestTheLongestPackagesBegin: what is left is in the order in which it was found.
func TestTheLongestPackagesBegin(t *testing.T) {
	t.Parallel()
	const a, z = project + "a", project + "z"
	found := append(append([]string{a, acceptancePackage}, longest[1:]...), z)
	_, err := longestFirst(found)
	require.ErrorContains(t, err, longest[0])
	ordered, err := longestFirst(append(found, longest[0]))
	require.NoError(t, err)
	require.Equal(t, append(append([]string{}, longest...), a, z), ordered)
}
