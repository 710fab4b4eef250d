package structure

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const features = 120

var (
	codeSpan     = regexp.MustCompile("`([^`]+)`")
	routeSpan    = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE) (/\S+)$`)
	tableSpan    = regexp.MustCompile(`^([a-z_]+)(?:\.([a-z_]+))?$`)
	stateCell    = regexp.MustCompile(`^(?:descoped; )?(done|partly: \S.*|not yet)$`)
	pathVariable = regexp.MustCompile(`\\\{[^}]*\\\}`)
	createdSQL   = regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\)`)
)

// TestTheFeatureTableIsTrue holds docs/features.md against the tree: every feature has its row,
// and what a row names is there.
func TestTheFeatureTableIsTrue(t *testing.T) {
	t.Parallel()
	tree := source{root: repository(t)}
	seen := map[string]bool{}
	for line := range strings.Lines(tree.read(t, "docs/features.md")) {
		if !strings.HasPrefix(line, "| F") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		require.Len(t, cells, 5, "%s", line)
		id, state, where, tests := cells[0], cells[2], cells[3], cells[4]
		require.False(t, seen[id], "%s has two rows", id)
		seen[id] = true
		require.NotEmpty(t, cells[1], id)
		require.Regexp(t, stateCell, state, id)
		for _, span := range codeSpan.FindAllStringSubmatch(where, -1) {
			require.Empty(t, tree.missing(t, span[1]), id)
		}
		named := codeSpan.FindAllStringSubmatch(tests, -1)
		for _, span := range named {
			require.True(t, tree.hasTest(t, span[1]), "%s names the test %s, which is not there", id, span[1])
		}
		if strings.HasSuffix(state, "done") {
			require.NotEmpty(t, named, "%s is done and names no test", id)
		}
	}
	for n := 1; n <= features; n++ {
		require.True(t, seen[fmt.Sprintf("F%03d", n)], "F%03d has no row", n)
	}
	require.Len(t, seen, features)
}

// source is the tree as its documents speak of it.
type source struct{ root string }

func (s source) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.root, filepath.FromSlash(name)))
	require.NoError(t, err)
	return string(text)
}

// missing says what a code span names that is not there: a route, a path, or a table with or
// without its column. What is none of them, such as a flag, is for people.
func (s source) missing(t *testing.T, span string) string {
	t.Helper()
	if route := routeSpan.FindStringSubmatch(span); route != nil {
		if _, ok := s.route(t, route[1], route[2]); !ok {
			return "there is no route " + span
		}
		return ""
	}
	if strings.Contains(span, "/") || strings.Contains(span, ".go") || strings.Contains(span, ".yaml") {
		if _, err := os.Stat(filepath.Join(s.root, filepath.FromSlash(span))); err != nil {
			return "there is no path " + span
		}
		return ""
	}
	name := tableSpan.FindStringSubmatch(span)
	if name == nil {
		return ""
	}
	columns, ok := s.tables(t)[name[1]]
	switch {
	case !ok:
		return "there is no table " + name[1]
	case name[2] != "" && !regexp.MustCompile(`(?m)^\s+`+name[2]+`\s`).MatchString(columns):
		return "there is no column " + span
	}
	return ""
}

// tables are the definitions of all tables, by name.
func (s source) tables(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.root, "migrations", "*", "*.up.sql"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	tables := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, table := range createdSQL.FindAllStringSubmatch(string(text), -1) {
			tables[table[1]] = table[2]
		}
	}
	return tables
}

// browserTests is where the tests of the console lie; one is named by its file and its title.
const browserTests = "gateway/web/e2e/"

// callback is where a browser comes back to; it is no method of a contract.
var callback = regexp.MustCompile(`CallbackPath = "(\S+)"`)

// route finds the public method behind an address; a variable of its path fits any one segment.
// The callback is there and has no method.
func (s source) route(t *testing.T, verb, path string) (method protoreflect.MethodDescriptor, found bool) {
	t.Helper()
	everyMethod(func(m protoreflect.MethodDescriptor) {
		if !proto.HasExtension(m.Options(), annotations.E_Http) {
			return
		}
		pattern, its := address(m)
		fits := regexp.MustCompile(`^` + pathVariable.ReplaceAllString(regexp.QuoteMeta(pattern), `[^/]+`) + `$`)
		if its == verb && fits.MatchString(path) && (!found || pattern == path) { // a path without variables goes before one with them
			method, found = m, true
		}
	})
	if found {
		return method, true
	}
	named := callback.FindStringSubmatch(s.read(t, "gateway/internal/http/handlers.go"))
	require.NotNil(t, named)
	return nil, verb == "GET" && path == named[1]
}

// hasTest tells whether a package has a test; the name is folder.Function.
func (s source) hasTest(t *testing.T, name string) bool {
	t.Helper()
	if file, title, found := strings.Cut(name, ": "); found && strings.HasPrefix(file, browserTests) {
		return strings.Contains(s.read(t, file), "\ntest('"+title+"', ")
	}
	dot := strings.LastIndex(name, ".")
	if dot < 0 {
		return false
	}
	folder, function := name[:dot], name[dot+1:]
	files, err := filepath.Glob(filepath.Join(s.root, filepath.FromSlash(folder), "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		if strings.Contains(s.read(t, path.Join(folder, filepath.Base(file))), "\nfunc "+function+"(") {
			return true
		}
	}
	return false
}
