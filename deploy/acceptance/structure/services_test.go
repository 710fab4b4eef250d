package structure

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// services are the processes with a contract of their own behind the gateway.
var services = []string{"connection", "discovery", "mapping", "sync-engine", "reconciliation", "worker"}

// mainLines bounds main.go, which has the defaults of the configuration, the commands of operators
// and nothing else.
const mainLines = 60

// TestMainsAreShort: what a service does is wired in its assembly, and tested as a whole in
// servicetest, so nothing stands beside main.go.
func TestMainsAreShort(t *testing.T) {
	t.Parallel()
	tree := source{root: repository(t)}
	for _, folder := range append(foldersOf(services), "gateway") {
		require.LessOrEqual(t, strings.Count(tree.read(t, folder+"/main.go"), "\n"), mainLines, "%s/main.go", folder)
	}
	for _, folder := range foldersOf(services) {
		files, err := filepath.Glob(filepath.Join(tree.root, folder, "*.go"))
		require.NoError(t, err)
		require.Len(t, files, 1, "%s has more than main.go", folder)
		tests, err := filepath.Glob(filepath.Join(tree.root, folder, "servicetest", "*_test.go"))
		require.NoError(t, err)
		require.NotEmpty(t, tests, folder)
	}
}

func foldersOf(names []string) (folders []string) {
	for _, name := range names {
		folders = append(folders, "services/"+name)
	}
	return folders
}

// TestServicesHaveTheSameLayers: only a service's main, and the commands of its operators, know its
// assembly, and only the assembly knows the methods. Calls of other services are in peers, not in
// packages that are named after them.
func TestServicesHaveTheSameLayers(t *testing.T) {
	t.Parallel()
	packages := graph(t)
	for _, folder := range foldersOf(services) {
		inside := folder + "/internal/"
		assembly, ok := packages[inside+"assembly"]
		require.True(t, ok, folder)
		require.Contains(t, packages[folder].Imports, assembly.ImportPath)
		for name, p := range packages {
			if !strings.HasPrefix(name, folder+"/") {
				continue
			}
			if name != inside+"operator" {
				require.NotContains(t, p.Imports, assembly.ImportPath, "%s knows its assembly", name)
			}
			if name != inside+"assembly" && !strings.HasPrefix(name, inside+"rpc") {
				require.NotContains(t, p.Imports, project+inside+"rpc", "%s knows the methods", name)
			}
		}
		entries, err := os.ReadDir(filepath.Join(repository(t), filepath.FromSlash(inside)))
		require.NoError(t, err)
		for _, entry := range entries {
			for _, other := range append(services, "directory") {
				if other != filepath.Base(folder) {
					require.NotEqual(t, other, entry.Name(), "%s: calls of another service are in peers", inside)
				}
			}
		}
	}
}
