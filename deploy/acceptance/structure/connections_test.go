package structure

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// serverConnections is how many PostgreSQL lets in without being told, less those that it keeps for
// administrators.
const serverConnections = 100 - 3

// TestOneReplicaOfEachProcessFitsPostgres: what the processes take by default is what the guide says,
// and together it is less than a server allows that nobody configured.
func TestOneReplicaOfEachProcessFitsPostgres(t *testing.T) {
	t.Parallel()
	root := repository(t)
	_, table, found := strings.Cut(source{root: root}.read(t, guide), "## Database connections")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")
	number := regexp.MustCompile(`\d+`)
	sum, total := 0, 0
	said := map[string]int{}
	for _, line := range strings.Split(table, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 6 {
			continue
		}
		name, last := strings.TrimSpace(cells[1]), number.FindString(cells[4])
		if last == "" {
			continue
		}
		n, err := strconv.Atoi(last)
		require.NoError(t, err)
		if name == "in all" {
			total = n
			continue
		}
		sum += n
		if first := number.FindString(cells[2]); !strings.Contains(name, "Temporal") {
			said[name], err = strconv.Atoi(first)
			require.NoError(t, err)
			require.GreaterOrEqual(t, n, said[name], name)
		}
	}
	require.Equal(t, sum, total, "the guide adds up")
	require.LessOrEqual(t, total, serverConnections)

	byDefault := regexp.MustCompile(`DatabaseConns: (\d+)`)
	took := map[string]int{}
	files, err := filepath.Glob(filepath.Join(root, "services", "*", "main.go"))
	require.NoError(t, err)
	for _, file := range append(files, filepath.Join(root, "gateway", "main.go")) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if match := byDefault.FindSubmatch(text); match != nil {
			took[filepath.Base(filepath.Dir(file))], err = strconv.Atoi(string(match[1]))
			require.NoError(t, err)
		}
	}
	require.Equal(t, took, said)
}
