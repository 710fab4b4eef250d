package structure

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var codeBlock = regexp.MustCompile("(?s)```(sh|go|ts)\n(.*?)```")

// TestTheHostGuideShowsWhatIsRun finds every block of code of the guide for hosts, as it stands, in
// the program of that language, which TestTheExamplesForHostsRun runs.
func TestTheHostGuideShowsWhatIsRun(t *testing.T) {
	t.Parallel()
	tree := source{root: repository(t)}
	programs := map[string]string{
		"sh": tree.read(t, "deploy/hostclient/example/host.sh"), "go": tree.read(t, "deploy/hostclient/example/main.go"),
		"ts": tree.read(t, "proto/client/typescript/examples/host.ts"),
	}
	shown := map[string]int{}
	for _, block := range codeBlock.FindAllStringSubmatch(tree.read(t, "docs/guide/hosts.md"), -1) {
		shown[block[1]]++
		require.True(t, strings.Contains(programs[block[1]], block[2]), "no %s program has\n%s", block[1], block[2])
	}
	for language := range programs {
		require.GreaterOrEqual(t, shown[language], 5, language)
	}
}
