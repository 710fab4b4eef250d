package structure

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const project = "github.com/entrasync/entrasync/"

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath string
	Dir        string
	Standard   bool
	Imports    []string
	Deps       []string
}

// graph lists every package of the project with what it imports and links, without tests.
func graph(t *testing.T) map[string]pkg {
	t.Helper()
	root := repository(t)
	args := []string{"list", "-json=ImportPath,Dir,Standard,Imports,Deps"}
	for _, module := range []string{"proto", "pkg", "migrations", "services", "gateway", "deploy"} {
		args = append(args, "./"+module+"/...")
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	packages := map[string]pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		packages[strings.TrimPrefix(p.ImportPath, project)] = p
	}
	require.NotEmpty(t, packages)
	return packages
}

func repository(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOWORK").Output()
	require.NoError(t, err)
	work := strings.TrimSpace(string(out))
	require.NotEmpty(t, work, "the tests of the tree run inside the workspace")
	return filepath.Dir(work)
}

func hasAny(list []string, prefixes ...string) []string {
	var found []string
	for _, item := range list {
		for _, prefix := range prefixes {
			if item == prefix || strings.HasPrefix(item, strings.TrimSuffix(prefix, "/")+"/") {
				found = append(found, item)
			}
		}
	}
	return found
}
