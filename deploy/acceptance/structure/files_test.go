package structure

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fileLayers are the files of packages that are larger than one screen of names, the lowest
// first. A file may use names that are declared beside it and below, and none from above.
var fileLayers = map[string][][]string{
	"services/connection/internal/microsoft": {
		{"classify.go", "request_id.go", "address.go"},
	},
	"services/connection/internal/microsoft/signin": {
		{"client.go"},
		{"assertion.go"},
		{"oauth.go"},
		{"resource.go", "partner_center.go"},
	},
	"services/connection/internal/microsoft/graph": {
		{"source.go", "answer.go"},
		{"client.go"},
		{"links.go", "cost.go"},
		{"read.go"},
		{"walk.go", "batch.go", "user.go"},
		{"details.go", "users.go", "groups.go", "tenants.go", "probe.go"},
	},
	"services/sync-engine/internal/postgres/round": {
		{"properties.go", "mapping.go"},
		{"session.go", "plan.go", "worker.go"},
		{"rejections.go"},
		{"stage.go", "apply_revision.go", "delta.go", "keep.go", "suppose.go", "tally_directory.go"},
		{"prepare.go", "report.go", "guarded.go"},
		{"decide.go"},
		{"apply.go", "parallel.go"},
		{"close.go", "explain.go", "open.go", "queue.go"},
	},
}

// TestFilesUseNamesFromBelow counts the names that run against the layers of files: none.
func TestFilesUseNamesFromBelow(t *testing.T) {
	t.Parallel()
	for folder, layers := range fileLayers {
		files := parsed(t, folder)
		layer := map[string]int{}
		for i, names := range layers {
			for _, name := range names {
				layer[name] = i
			}
		}
		declared := declaredIn(files)
		for name, file := range files {
			at, placed := layer[name]
			require.True(t, placed, "give %s/%s a layer", folder, name)
			for used := range usedBy(file) {
				if from := declared[used]; from != "" && layer[from] > at {
					t.Errorf("%s/%s uses %s of %s, which is above it", folder, name, strings.TrimPrefix(used, "."), from)
				}
			}
		}
	}
}

// mappedPackages are packages whose comment in doc.go lists their files by subject.
var mappedPackages = []string{
	"services/connection/internal/connection",
	"services/mapping/internal/mapping",
	"services/sync-engine/internal/syncengine",
}

// TestMapsOfPackagesNameTheirFiles compares the files that such a comment names with those that
// there are.
func TestMapsOfPackagesNameTheirFiles(t *testing.T) {
	t.Parallel()
	for _, folder := range mappedPackages {
		files := parsed(t, folder)
		named := goFile.FindAllString(files["doc.go"].Doc.Text(), -1)
		delete(files, "doc.go")
		for name := range files {
			require.Contains(t, named, name, "%s/doc.go does not say what subject it belongs to", folder)
		}
		for _, name := range named {
			require.NotNil(t, files[name], "%s/doc.go names %s, which is not there", folder, name)
		}
	}
}

var goFile = regexp.MustCompile(`\b\w+\.go\b`)

// parsed are the files of a package, without tests, by their names.
func parsed(t *testing.T, folder string) map[string]*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(repository(t), filepath.FromSlash(folder), "*.go"))
	require.NoError(t, err)
	files := map[string]*ast.File{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution|parser.ParseComments)
		require.NoError(t, err)
		files[filepath.Base(path)] = file
	}
	require.NotEmpty(t, files)
	return files
}

// declaredIn says which file declares a name of the package, or a method, whose name begins
// with a dot here. A method of a name that other types or fields have too is left out.
func declaredIn(files map[string]*ast.File) map[string]string {
	declared, fields := map[string]string{}, map[string]bool{}
	add := func(name, file string) {
		if _, twice := declared[name]; twice {
			file = ""
		}
		declared[name] = file
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		for _, one := range files[file].Decls {
			switch one := one.(type) {
			case *ast.FuncDecl:
				if one.Recv != nil {
					add("."+one.Name.Name, file)
				} else {
					add(one.Name.Name, file)
				}
			case *ast.GenDecl:
				for _, spec := range one.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						add(spec.Name.Name, file)
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							add(name.Name, file)
						}
					}
				}
			}
		}
		ast.Inspect(files[file], func(n ast.Node) bool {
			if list, ok := n.(*ast.Field); ok {
				for _, name := range list.Names {
					fields["."+name.Name] = true
				}
			}
			return true
		})
	}
	maps.DeleteFunc(declared, func(name, _ string) bool { return fields[name] })
	return declared
}

// usedBy are the names that a file uses, methods and fields with a dot before them. Names that
// are declared in a function or come before a colon are none of the package's.
func usedBy(file *ast.File) map[string]bool {
	used := map[string]bool{}
	packages := map[string]bool{}
	for _, imported := range file.Imports {
		path := strings.Trim(imported.Path.Value, `"`)
		name := path[strings.LastIndex(path, "/")+1:]
		if imported.Name != nil {
			name = imported.Name.Name
		}
		packages[name] = true
	}
	local := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, left := range n.Lhs {
					if name, ok := left.(*ast.Ident); ok {
						local[name.Name] = true
					}
				}
			}
		case *ast.DeclStmt:
			if declaration, ok := n.Decl.(*ast.GenDecl); ok {
				for _, spec := range declaration.Specs {
					if values, ok := spec.(*ast.ValueSpec); ok {
						for _, name := range values.Names {
							local[name.Name] = true
						}
					}
				}
			}
		case *ast.RangeStmt:
			for _, left := range []ast.Expr{n.Key, n.Value} {
				if name, ok := left.(*ast.Ident); ok {
					local[name.Name] = true
				}
			}
		case *ast.Field:
			for _, name := range n.Names {
				local[name.Name] = true
			}
		}
		return true
	})
	var see func(n ast.Node) bool
	see = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if from, ok := n.X.(*ast.Ident); !ok || !packages[from.Name] {
				used["."+n.Sel.Name] = true
			}
			ast.Inspect(n.X, see)
			return false
		case *ast.KeyValueExpr:
			if _, field := n.Key.(*ast.Ident); !field {
				ast.Inspect(n.Key, see)
			}
			ast.Inspect(n.Value, see)
			return false
		case *ast.Ident:
			if !local[n.Name] {
				used[n.Name] = true
			}
		}
		return true
	}
	for _, one := range file.Decls {
		if imports, ok := one.(*ast.GenDecl); !ok || imports.Tok != token.IMPORT {
			ast.Inspect(one, see)
		}
	}
	return used
}
