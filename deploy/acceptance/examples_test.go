package acceptance

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// typescript is the folder of the TypeScript client.
const typescript = "proto/client/typescript"

// typed compiles the TypeScript client with its examples, and what must not compile. Its tools come
// from npm once.
func typed(t *testing.T, root string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	run := func(name string, args ...string) {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir = filepath.Join(root, typescript)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", name, out)
	}
	if _, err := os.Stat(filepath.Join(root, typescript, "node_modules/.bin/tsc")); err != nil {
		run("npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	}
	run("npm", "run", "--silent", "build")
}

// TestTheExamplesForHostsRun runs the examples of the guide, in each language: the test is the
// person's browser, and the two that can are the server that webhooks come to, which verifies them
// with the reference libraries, before and after a new secret.
func TestTheExamplesForHostsRun(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	typed(t, root)
	// Curl cannot be told anything: a server that takes everything stands in for the host's.
	w := share(t, fleet.Tiny)
	atSh, inGo, inTS := w.hosts[0], w.hosts[1], w.hosts[2]
	inSh := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	require.NoError(t, inSh.Listener.Close())
	inSh.Listener, err = net.Listen("tcp", atSh)
	require.NoError(t, err)
	inSh.Start()
	t.Cleanup(inSh.Close)
	program := filepath.Join(t.TempDir(), "example")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./deploy/hostclient/example")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for language, example := range map[string]struct {
		command []string
		listen  string
		steps   []string
	}{
		"curl":       {[]string{"sh", filepath.Join(root, "deploy/hostclient/example/host.sh")}, atSh, []string{"loaded", "open", "connected", "followed", "secret", "told"}},
		"Go":         {[]string{program}, inGo, []string{"loaded", "open", "connected", "followed", "told"}},
		"TypeScript": {[]string{"node", filepath.Join(root, typescript, "dist/examples/host.js")}, inTS, []string{"loaded", "open", "connected", "followed", "told"}},
	} {
		t.Run(language, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			host := w.msp(t, "host-"+strings.ToLower(language))
			cmd := exec.CommandContext(ctx, example.command[0], example.command[1:]...)
			cmd.Env = append(os.Environ(), "ENTRASYNC_URL="+w.urls.Gateway, "ENTRASYNC_TOKEN="+host.Token, "WEBHOOK_LISTEN="+example.listen,
				"WEBHOOK_URL=http://"+example.listen+"/entrasync")
			var problems strings.Builder
			cmd.Stderr = &problems
			answer, err := cmd.StdinPipe()
			require.NoError(t, err)
			said, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			var steps []string
			for lines := bufio.NewScanner(said); lines.Scan(); {
				step, rest, _ := strings.Cut(lines.Text(), " ")
				steps = append(steps, step)
				if step == "open" {
					code, err := host.CompletionCode(ctx, rest)
					require.NoError(t, err)
					_, err = fmt.Fprintln(answer, code)
					require.NoError(t, err)
				}
			}
			require.NoError(t, cmd.Wait(), problems.String())
			require.Equal(t, example.steps, steps, problems.String())
		})
	}
}
