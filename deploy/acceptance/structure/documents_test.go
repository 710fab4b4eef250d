package structure

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
)

var (
	decisionFile   = regexp.MustCompile(`^(\d{4})-[a-z0-9-]+\.md$`)
	decisionHead   = regexp.MustCompile(`^# (\d+)\. \S.*\n\n- Status: (.+)\n- Date: (\d{4}-\d{2}-\d{2})\n\n`)
	supersededBy   = regexp.MustCompile(`^superseded by \[(\d{4})\]\((\d{4}-[a-z0-9-]+\.md)\)$`)
	decisionNumber = regexp.MustCompile(`docs/adr/(\d{4})`)
	documentLink   = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	fencedBlock    = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	inlineCode     = regexp.MustCompile("`[^`\n]*`")
	// treePath is a path from the root of the repository, without a variable part.
	treePath = regexp.MustCompile(`^(?:services|gateway|pkg|deploy|migrations|proto|docs)/[\w./-]*$`)
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// TestEveryDecisionHasStatusAndDate checks the form of docs/adr: the number of the file is that of
// its title and used once, the status is accepted or superseded by a decision that exists.
func TestEveryDecisionHasStatusAndDate(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(repository(t), "docs", "adr")
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	numbers := map[string]string{}
	for _, file := range files {
		if file.Name() == "README.md" {
			continue
		}
		name := decisionFile.FindStringSubmatch(file.Name())
		require.NotNil(t, name, "%s is not named NNNN-title.md", file.Name())
		require.Empty(t, numbers[name[1]], "%s and %s have one number", file.Name(), numbers[name[1]])
		numbers[name[1]] = file.Name()
	}
	require.NotEmpty(t, numbers)
	for number, name := range numbers {
		text, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		head := decisionHead.FindStringSubmatch(string(text))
		require.NotNil(t, head, "%s does not begin with title, status and date", name)
		require.Equal(t, strings.TrimLeft(number, "0"), head[1], "%s: the number in the title", name)
		_, err = time.Parse(time.DateOnly, head[3])
		require.NoError(t, err, "%s: the date", name)
		if head[2] == "accepted" {
			continue
		}
		by := supersededBy.FindStringSubmatch(head[2])
		require.NotNil(t, by, "%s has the status %q", name, head[2])
		require.Equal(t, numbers[by[1]], by[2], "%s is superseded by a decision that is not there", name)
	}
	for file, text := range written(t, ".go", ".sql", ".proto", ".md", ".yaml", "Makefile") {
		for _, cited := range decisionNumber.FindAllStringSubmatch(text, -1) {
			require.NotEmpty(t, numbers[cited[1]], "%s cites the decision %s", file, cited[1])
		}
	}
}

// TestLinksBetweenDocumentsResolve follows every relative link of every Markdown file, down to the
// heading that it names.
func TestLinksBetweenDocumentsResolve(t *testing.T) {
	t.Parallel()
	root := repository(t)
	documents := written(t, ".md")
	links := 0
	for file, text := range documents {
		text = inlineCode.ReplaceAllString(fencedBlock.ReplaceAllString(text, ""), "")
		for _, link := range documentLink.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			links++
			path := file
			if target != "" {
				path = filepath.ToSlash(filepath.Join(filepath.Dir(file), filepath.FromSlash(target)))
			}
			_, err := os.Stat(filepath.Join(root, filepath.FromSlash(path)))
			require.NoError(t, err, "%s links to %s", file, link[1])
			if anchor != "" {
				require.Contains(t, anchors(documents[path]), anchor, "%s links to %s", file, link[1])
			}
		}
	}
	require.Greater(t, links, 20)
}

// TestPathsInDocumentsExist looks for every path of the tree that the pages for newcomers name.
func TestPathsInDocumentsExist(t *testing.T) {
	t.Parallel()
	root := repository(t)
	paths := 0
	for file, text := range written(t, "docs/architecture.md", "docs/glossary.md", "README.md") {
		for _, span := range codeSpan.FindAllStringSubmatch(text, -1) {
			if !treePath.MatchString(span[1]) {
				continue
			}
			paths++
			_, err := os.Stat(filepath.Join(root, filepath.FromSlash(span[1])))
			require.NoError(t, err, "%s names %s", file, span[1])
		}
	}
	require.Greater(t, paths, 50)
}

// walkFile is a file that a walk names without the folder that it named before.
var walkFile = regexp.MustCompile(`^(?:[\w-]+/)*[\w.-]+\.(?:go|sql|proto)$`)

// walkWord is a name of the code.
var walkWord = regexp.MustCompile(`^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?$`)

// TestWalksNameWhatIsThere follows the walks of docs/architecture.md: each file stands in a folder
// that the walk has named, or beside one, and each name of the code stands in a file of those.
func TestWalksNameWhatIsThere(t *testing.T) {
	t.Parallel()
	root := repository(t)
	walks := 0
	for section := range strings.SplitSeq(written(t, "docs/architecture.md")["docs/architecture.md"], "\n## ") {
		if !strings.HasPrefix(section, "Walk:") {
			continue
		}
		walks++
		code := &namedCode{root: root, folders: map[string]bool{}, files: map[string]string{}}
		var files, words []string
		for _, span := range codeSpan.FindAllStringSubmatch(section, -1) {
			switch name := span[1]; {
			case treePath.MatchString(name):
				code.add(t, name)
			case walkFile.MatchString(name):
				files = append(files, name)
			case walkWord.MatchString(name):
				words = append(words, name)
			}
		}
		for _, name := range files {
			require.True(t, code.has(name), "%q: no folder that it names has %s", section[:40], name)
		}
		for _, name := range words {
			require.True(t, code.says(name), "%q: no file that it names says %s", section[:40], name)
		}
	}
	require.Equal(t, 2, walks)
}

// namedCode is the code in the folders that a page names.
type namedCode struct {
	root    string
	folders map[string]bool
	files   map[string]string
}

// add takes a path, the folder it stands in and, of a file, the folder around that.
func (c *namedCode) add(t *testing.T, path string) {
	t.Helper()
	folder := strings.TrimSuffix(path, "/")
	if filepath.Ext(folder) != "" {
		folder = filepath.ToSlash(filepath.Dir(folder))
	}
	if c.folders[folder] {
		return
	}
	c.folders[folder], c.folders[filepath.ToSlash(filepath.Dir(folder))] = true, true
	entries, err := os.ReadDir(filepath.Join(c.root, filepath.FromSlash(folder)))
	require.NoError(t, err)
	for _, entry := range entries {
		name := folder + "/" + entry.Name()
		if entry.IsDir() || !walkFile.MatchString(entry.Name()) || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(c.root, filepath.FromSlash(name)))
		require.NoError(t, err)
		c.files[name] = string(text)
	}
}

func (c *namedCode) has(name string) bool {
	for folder := range c.folders {
		if _, err := os.Stat(filepath.Join(c.root, filepath.FromSlash(folder), filepath.FromSlash(name))); err == nil {
			return true
		}
	}
	return false
}

func (c *namedCode) says(name string) bool {
	for _, text := range c.files {
		if strings.Contains(text, name) {
			return true
		}
	}
	return false
}

// anchors lists the fragments by which a Markdown document's headings are addressed, as GitHub
// forms them.
func anchors(document string) []string {
	var list []string
	for _, match := range heading.FindAllStringSubmatch(fencedBlock.ReplaceAllString(document, ""), -1) {
		list = append(list, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, match[1]))
	}
	return list
}

// written reads the repository's files whose names end in one of suffixes, by their path with
// slashes. Folders that begin with a dot, and what npm installed, are no part of it.
func written(t *testing.T, suffixes ...string) map[string]string {
	t.Helper()
	root := repository(t)
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case !slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(path, suffix) }):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		files[filepath.ToSlash(name)] = string(text)
		return err
	}))
	require.NotEmpty(t, files)
	return files
}
