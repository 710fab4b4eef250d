package structure

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	linter    = regexp.MustCompile(`(?m)^    - (\w+)$`)
	directive = regexp.MustCompile(`//nolint:([\w,]+)`)
)

// A directive for a linter that does not run explains nothing to anybody, and the linter of
// directives passes it over.
func TestDirectivesNameLintersThatRun(t *testing.T) {
	t.Parallel()
	config := written(t, ".golangci.yml")
	require.Len(t, config, 1)
	var enabled []string
	for _, text := range config {
		_, text, _ = strings.Cut(text, "\n  enable:\n")
		text, _, _ = strings.Cut(text, "\n  settings:\n")
		for _, found := range linter.FindAllStringSubmatch(text, -1) {
			enabled = append(enabled, found[1])
		}
	}
	require.Contains(t, enabled, "errcheck")
	seen := 0
	for path, text := range written(t, ".go") {
		if filepath.Base(path) == "linters_test.go" {
			continue
		}
		for _, found := range directive.FindAllStringSubmatch(text, -1) {
			for name := range strings.SplitSeq(found[1], ",") {
				seen++
				require.True(t, slices.Contains(enabled, name), "%s names %s, which does not run", path, name)
			}
		}
	}
	require.Positive(t, seen)
}
