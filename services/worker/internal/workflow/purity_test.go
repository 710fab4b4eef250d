package workflow_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A workflow is replayed from its history, so it must have nothing that could answer otherwise
// the second time: no clock, no network, no store, no chance.
func TestWorkflowsImportNothingThatCouldChange(t *testing.T) {
	t.Parallel()
	allowed := map[string]bool{
		"errors": true, "strconv": true, "time": true, "go.temporal.io/sdk/temporal": true, "go.temporal.io/sdk/workflow": true,
		"github.com/entrasync/entrasync/proto/entrasync/reason":                   true, // names, which never change
		"github.com/entrasync/entrasync/proto/entrasync/runstate":                 true, // likewise
		"github.com/entrasync/entrasync/services/worker/internal/searchattribute": true,
	}
	pure := map[string]bool{"Duration": true, "Second": true, "Minute": true, "Hour": true, "Unix": true}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	checked := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		checked++
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, imported := range file.Imports {
			path, err := strconv.Unquote(imported.Path.Value)
			require.NoError(t, err)
			require.True(t, allowed[path], "%s imports %s", name, path)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.GoStmt:
				require.Fail(t, name+" starts a goroutine of its own")
			case *ast.SelectorExpr:
				if of, ok := n.X.(*ast.Ident); ok && of.Name == "time" {
					require.True(t, pure[n.Sel.Name], "%s uses time.%s", name, n.Sel.Name)
				}
			}
			return true
		})
	}
	require.Positive(t, checked)
}
