package structure

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// flowPath is a constant with a path of the sign-in at Microsoft.
var flowPath = regexp.MustCompile(`\b(?i:(callback|result)Path)\s*= "(\S+)"`)

// TestTheGatewayServesTheAddressesThatTheConnectionNames: the connection tells Microsoft where to
// send browsers back to, and sends them on to the result; the gateway serves both.
func TestTheGatewayServesTheAddressesThatTheConnectionNames(t *testing.T) {
	t.Parallel()
	paths := func(file string) map[string]string {
		text, err := os.ReadFile(filepath.Join(repository(t), filepath.FromSlash(file)))
		require.NoError(t, err)
		found := map[string]string{}
		for _, m := range flowPath.FindAllStringSubmatch(string(text), -1) {
			found[strings.ToLower(m[1])] = m[2]
		}
		return found
	}
	served := paths("gateway/internal/http/handlers.go")
	require.Len(t, served, 2)
	require.Equal(t, served, paths("services/connection/internal/assembly/settings.go"))
}
