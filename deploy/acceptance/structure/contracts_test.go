package structure

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var contractMethod = regexp.MustCompile(`^  rpc (\w+)\(`)

// TestEveryMethodSaysWhatItDoes: the description of the routes, and the clients, have their texts
// from the comments of the contracts alone. What public fields are, a test of the gateway demands.
func TestEveryMethodSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	methods := 0
	for file, text := range written(t, ".proto") {
		if !strings.HasPrefix(file, "proto/entrasync/") {
			continue
		}
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			found := contractMethod.FindStringSubmatch(line)
			if found == nil {
				continue
			}
			methods++
			first := i
			for first > 0 && strings.HasPrefix(lines[first-1], "  //") {
				first--
			}
			require.True(t, strings.HasPrefix(lines[first], "  // "+found[1]+" "), "%s: the comment of %s begins with its name", file, found[1])
		}
	}
	require.Greater(t, methods, 100)
}
