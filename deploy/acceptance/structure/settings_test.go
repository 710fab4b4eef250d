package structure

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	settingTag  = regexp.MustCompile("`env:\"([A-Z][A-Z0-9_]+)[^\"]*\"(?: envDefault:\"([^\"]*)\")?")
	settingName = regexp.MustCompile("`((?:ENTRASYNC|MICROSOFT)_[A-Z0-9_]+)`")
)

// TestEverySettingIsDescribed compares what processes take from their environment with the page that
// lists it for operators: every variable stands in a row there, beside its default, and no other does.
func TestEverySettingIsDescribed(t *testing.T) {
	t.Parallel()
	root := repository(t)
	page, err := os.ReadFile(filepath.Join(root, "docs", "operations", "settings.md"))
	require.NoError(t, err)
	rows := map[string]string{}
	for line := range strings.Lines(string(page)) {
		first, rest, isRow := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		if !isRow || !strings.HasPrefix(line, "|") {
			continue
		}
		for _, name := range settingName.FindAllStringSubmatch(first, -1) {
			require.Empty(t, rows[name[1]], "%s is described twice", name[1])
			rows[name[1]] = rest
		}
	}
	taken := map[string]bool{}
	for _, folder := range []string{"gateway", "services", "pkg"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, folder), func(file string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Name() == "node_modules" {
				return filepath.SkipDir
			}
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for _, tag := range settingTag.FindAllStringSubmatch(string(text), -1) {
				taken[tag[1]] = true
				row, described := rows[tag[1]]
				require.True(t, described, "%s takes %s", file, tag[1])
				require.Contains(t, row, tag[2], "%s: the default of %s", file, tag[1])
			}
			return nil
		}))
	}
	require.Greater(t, len(taken), 80)
	for name := range rows {
		require.True(t, taken[name], "no process takes %s", name)
	}
}
