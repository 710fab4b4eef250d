package syncengine_test

import (
	"regexp/syntax"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

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
		refused := violation(t, err)
		require.Equal(t, "filters.customPatterns[1]", refused.Field)
		require.Contains(t, refused.Message, "repeats too much")
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

// violation is the only one of an error.
func violation(t *testing.T, err error) errs.Violation {
	t.Helper()
	var e *errs.Error
	require.ErrorAs(t, err, &e)
	require.Len(t, e.Violations(), 1)
	return e.Violations()[0]
}

func TestAnInvalidPatternIsRefusedWithThePlace(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		`a[b`:                "missing closing ] at position 2",
		`x{2,1}`:             "invalid repeat count at position 2",
		`^temp|room)x`:       "unexpected ) at position 11",
		`(a)(b`:              "missing closing ) at position 4",
		`(a(b)`:              "missing closing ) at position 1",
		`ä[)]\)\Q)\E)(`:      "unexpected ) at position 12",
		`[]()](`:             "missing closing ) at position 6",
		`[^])][[:alpha:])](`: "missing closing ) at position 18",
	} {
		_, err := syncengine.CompilePatterns([]string{"ok", pattern})
		require.Equal(t, errs.Violation{Field: "filters.customPatterns[1]", Message: want}, violation(t, err), pattern)
	}
}

// FuzzThePlaceOfAParenthesis holds what is said of the place against what the parser makes of the pattern up to it.
func FuzzThePlaceOfAParenthesis(f *testing.F) {
	for _, seed := range []string{`a)`, `(a`, `[)]`, `[]()](`, `\Q(\E)`, `\)`, `[[:alpha:])](`, `(?i:a))`, `[^)](`, `[[:])](`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		_, err := syncengine.CompilePatterns([]string{pattern})
		if err == nil || !utf8.ValidString(pattern) {
			return // a request's texts are valid
		}
		problem, at, told := strings.Cut(violation(t, err).Message, " at position ")
		if !told {
			return
		}
		n, err := strconv.Atoi(at)
		require.NoError(t, err)
		runes := []rune(pattern)
		require.LessOrEqual(t, n, len(runes))
		_, err = syntax.Parse(string(runes[:n]), syntax.Perl)
		switch problem {
		case syntax.ErrUnexpectedParen.String():
			require.ErrorContains(t, err, problem)
			_, err = syntax.Parse(string(runes[:n-1]), syntax.Perl)
			require.False(t, err != nil && strings.Contains(err.Error(), problem), "it comes earlier")
		case syntax.ErrMissingParen.String():
			require.ErrorContains(t, err, problem)
			require.Equal(t, '(', runes[n-1])
		}
	})
}
