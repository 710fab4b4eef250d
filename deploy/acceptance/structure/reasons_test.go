package structure

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const errorsPage = "docs/errors.md"

// program is every Go file of the product that is not generated and no test.
type program struct {
	files  map[string]*ast.File // by path
	set    *token.FileSet
	consts map[string]ast.Expr // by folder and name: "pkg/vault.ReasonDenied"
}

func parseProgram(t *testing.T) program {
	t.Helper()
	root := repository(t)
	p := program{files: map[string]*ast.File{}, set: token.NewFileSet(), consts: map[string]ast.Expr{}}
	for _, part := range []string{"services", "pkg", "gateway"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, part), func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() && strings.HasSuffix(entry.Name(), "test") { // machines of tests
				return filepath.SkipDir
			}
			if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || entry.Name() == "sqlc" {
				return err
			}
			file, err := parser.ParseFile(p.set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(root, name)
			p.files[filepath.ToSlash(relative)] = file
			return err
		}))
	}
	for name, file := range p.files {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok || general.Tok != token.CONST {
				continue
			}
			for _, spec := range general.Specs {
				values := spec.(*ast.ValueSpec)
				for i := range min(len(values.Names), len(values.Values)) {
					p.consts[path.Dir(name)+"."+values.Names[i].Name] = values.Values[i]
				}
			}
		}
	}
	return p
}

// value is the text of an expression in a file: a literal, or a constant of the
// product or of the contract; "" for what is only known when it runs.
func (p program) value(file string, e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.Ident:
		if declared, ok := p.consts[path.Dir(file)+"."+e.Name]; ok {
			return p.value(file, declared)
		}
	case *ast.SelectorExpr:
		from, ok := e.X.(*ast.Ident)
		if !ok {
			return ""
		}
		if from.Name == "reason" {
			return named(e.Sel.Name)
		}
		for key, declared := range p.consts {
			folder, name, _ := strings.Cut(key, ".")
			if name == e.Sel.Name && path.Base(folder) == from.Name {
				return p.value(folder+"/x.go", declared)
			}
		}
	}
	return ""
}

// named gives the reason that a constant of the contract stands for.
func named(constant string) string {
	for _, group := range reason.All() {
		for _, r := range group.Reasons {
			if strings.EqualFold(strings.ReplaceAll(r.Name, "_", ""), constant) {
				return r.Name
			}
		}
	}
	return ""
}

// made is one place where an error is made.
type made struct {
	where, kind, reason string
	literal             bool // the reason is spelled out there
}

// makes finds where errors are made, as far as their reason is known without
// running: calls of errs.Of, errs.New and errs.Wrap, tables with a field called
// reason, and problems, whose code is one.
func (p program) makes() (out []made) {
	add := func(file string, kind, why ast.Expr) {
		name := p.value(file, why)
		if name == "" {
			return
		}
		found := made{where: p.set.Position(why.Pos()).String(), reason: name}
		_, found.literal = why.(*ast.BasicLit)
		if k, ok := kind.(*ast.SelectorExpr); ok {
			found.kind = k.Sel.Name
		}
		out = append(out, found)
	}
	for name, file := range p.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				f, ok := n.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				from, ok := f.X.(*ast.Ident)
				if !ok || from.Name != "errs" {
					return true
				}
				switch {
				case f.Sel.Name == "Of" && len(n.Args) >= 1:
					add(name, nil, n.Args[0])
				case f.Sel.Name == "New" && len(n.Args) >= 3:
					add(name, n.Args[0], n.Args[1])
				case f.Sel.Name == "Wrap" && len(n.Args) >= 4:
					add(name, n.Args[1], n.Args[2])
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "reason" || key.Name == "Code") {
					if _, ok := n.Value.(*ast.BasicLit); ok {
						add(name, nil, n.Value)
					}
				}
			}
			return true
		})
	}
	return out
}

// eachText visits every text that is spelled out.
func (p program) eachText(t *testing.T, visit func(file, text string, at token.Pos)) {
	t.Helper()
	for name, file := range p.files {
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				visit(name, text, literal.Pos())
			}
			return true
		})
	}
}

func TestEveryReasonStandsInTheContractWithItsKind(t *testing.T) {
	t.Parallel()
	all := parseProgram(t).makes()
	require.Greater(t, len(all), 100)
	for _, m := range all {
		r, ok := reason.Of(m.reason)
		require.True(t, ok, "%s: the contract has no reason %q", m.where, m.reason)
		if m.kind != "" && m.kind[0] >= 'A' && m.kind[0] <= 'Z' {
			require.True(t, slices.ContainsFunc(r.Kinds, func(k reason.Kind) bool {
				return strings.EqualFold(strings.ReplaceAll(string(k), "_", ""), m.kind)
			}), "%s: %s is no %s in the contract", m.where, m.reason, m.kind)
		}
	}
}

// words are reasons that mean something else where they are spelled out: a state of
// a connection, a kind of failure.
var words = map[string]string{
	"not_connected": "services/connection/internal/connection/connection.go",
	"not_found":     "pkg/errs/errs.go",
}

func TestNoReasonIsMadeOutsideTheContract(t *testing.T) {
	t.Parallel()
	p := parseProgram(t)
	for _, m := range p.makes() {
		require.False(t, m.literal, "%s: %q is spelled out; use the constant of proto/entrasync/reason", m.where, m.reason)
	}
	p.eachText(t, func(file, text string, at token.Pos) {
		// A single word may be any word; one with an underscore is a code.
		if _, known := reason.Of(text); known && strings.Contains(text, "_") && words[text] != file {
			t.Errorf("%s: %q is spelled out; use the constant of proto/entrasync/reason", p.set.Position(at), text)
		}
	})
}

// TestNoTextOfTheContractIsSpelledOut: errs.Of and reason.Text give it.
func TestNoTextOfTheContractIsSpelledOut(t *testing.T) {
	t.Parallel()
	texts := map[string]string{}
	for _, group := range reason.All() {
		for _, r := range group.Reasons {
			texts[r.Text] = r.Name
		}
	}
	p := parseProgram(t)
	p.eachText(t, func(_, text string, at token.Pos) {
		if name, ok := texts[text]; ok {
			t.Errorf("%s: %q is the text of %s; use errs.Of or reason.Text", p.set.Position(at), text, name)
		}
	})
}

func TestTheContractsReasonsAreWellFormed(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-z]+(_[a-z0-9]+)*$`)
	seen := map[string]bool{}
	kinds := map[string]bool{}
	for _, kind := range errs.Kinds() {
		kinds[kind.String()] = true
	}
	for _, group := range reason.All() {
		for _, r := range group.Reasons {
			require.Regexp(t, form, r.Name)
			require.False(t, seen[r.Name], r.Name)
			seen[r.Name] = true
			require.NotEmpty(t, r.Kinds, r.Name)
			for _, kind := range r.Kinds {
				require.True(t, kinds[string(kind)], "%s: %s", r.Name, kind)
			}
			require.NotEmpty(t, r.Text, r.Name)
			require.NotEmpty(t, r.Do, r.Name)
			require.NotContains(t, r.Text+r.Do, "|", r.Name)
		}
	}
}

func TestThePageOfErrorsIsTheContract(t *testing.T) {
	t.Parallel()
	tree := source{root: repository(t)}
	require.Equal(t, reason.Page(), tree.read(t, errorsPage), "make generate")
	require.Contains(t, tree.read(t, guide), "(../errors.md)")
}
