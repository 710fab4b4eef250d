package syncengine_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// TestPatternsThatCostTooMuchAreRefused: RE2 has no pattern that takes for ever, but a
// thousand bytes can say half a million states, which take 40 MB and seconds for each name.
func TestPatternsThatCostTooMuchAreRefused(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{
		"(?:" + strings.Repeat("a?", 480) + "){1000}", `(?:(?:\w\.?){1,30}@?){33}`, "((x{10}){10}){10}((x{10}){10}){10}((x{10}){10}){10}",
		"(?:" + strings.Repeat("a", 300) + "){10,}",
	} {
		_, err := syncengine.CompilePatterns([]string{"^ok", pattern})
		require.Equal(t, "invalid_pattern", errs.ReasonOf(err), pattern)
		var e *errs.Error
		require.ErrorAs(t, err, &e)
		require.Len(t, e.Violations(), 1)
		require.Equal(t, "filters.customPatterns[1]", e.Violations()[0].Field)
		require.Contains(t, e.Violations()[0].Message, "repeats too much")
	}
	// Whatever repeats nothing by number may be as long as a pattern may be at all.
	for _, pattern := range []string{
		strings.Repeat("a", 1000), strings.Repeat("a?", 500), strings.Repeat("()", 500), strings.Repeat("(a)|", 249) + "b", strings.Repeat(`\pL*`, 250),
		`^[a-z]{1,64}-[0-9]{2,}@`, `(room|desk|[a-z]{2,3}\d{1,8})+`,
	} {
		_, err := syncengine.CompilePatterns([]string{pattern})
		require.NoError(t, err, pattern)
	}
}

func TestManyPatternsMayNotCostTooMuchTogether(t *testing.T) {
	t.Parallel()
	list := func(n, length int) []string {
		patterns := make([]string, n)
		for i := range patterns {
			patterns[i] = strings.Repeat("a", length)
		}
		return patterns
	}
	_, err := syncengine.CompilePatterns(list(100, 200))
	require.NoError(t, err)
	_, err = syncengine.CompilePatterns(list(100, 201))
	require.Equal(t, "invalid_pattern", errs.ReasonOf(err))
	var e *errs.Error
	require.ErrorAs(t, err, &e)
	require.Len(t, e.Violations(), 1)
	require.Equal(t, "filters.customPatterns", e.Violations()[0].Field)
}
