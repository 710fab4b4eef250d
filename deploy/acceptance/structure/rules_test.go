package structure

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// cases are where the case files of the rules lie.
var cases = []string{
	"services/sync-engine/internal/postgres/testdata/rounds",
	"services/mapping/internal/mapping/testdata/cases",
}

// TestEveryRuleHasItsCase holds docs/rules.md against the tree: what a rule names is there, and
// every case file is named.
func TestEveryRuleHasItsCase(t *testing.T) {
	t.Parallel()
	tree := source{root: repository(t)}
	files := map[string]bool{} // that are named
	for _, folder := range cases {
		found, err := filepath.Glob(filepath.Join(tree.root, filepath.FromSlash(folder), "*.txtar"))
		require.NoError(t, err)
		require.NotEmpty(t, found)
		for _, file := range found {
			name := strings.TrimSuffix(filepath.Base(file), ".txtar")
			require.NotContains(t, files, name, "two case files have one name")
			files[name] = false
		}
	}
	rules := 0
	for line := range strings.Lines(tree.read(t, "docs/rules.md")) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 2 || cells[0] == " rule" {
			continue
		}
		rules++
		named := codeSpan.FindAllStringSubmatch(cells[1], -1)
		require.NotEmpty(t, named, "%s names nothing", cells[0])
		for _, span := range named {
			if strings.Contains(span[1], ".") {
				require.True(t, tree.hasTest(t, span[1]), "%s names the test %s, which is not there", cells[0], span[1])
				continue
			}
			require.Contains(t, files, span[1], "%s names a case file that is not there", cells[0])
			files[span[1]] = true
		}
	}
	require.Greater(t, rules, 80)
	for name, named := range files {
		require.True(t, named, "no rule names the case file %s", name)
	}
}
