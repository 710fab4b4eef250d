package acceptance

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/local/stack"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

var commandBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// refusedInGuide are calls of the guide that are refused where it is read from top to bottom, by
// what their line begins with: it shows each way to decide about one thing.
var refusedInGuide = map[string]string{
	"POST /api/integrations/entra/reconciliation-queue/*/resolve-existing": "400", // of two that share an address none has a contact
	"POST /api/integrations/entra/reconciliation-queue/*/resolve-new":      "409",
	"POST /api/integrations/entra/reconciliation-queue/*/dismiss":          "409",
	"POST /api/integrations/entra/mappings/*/orphans":                      "404", // its directory moved and came back
	"POST /api/integrations/entra/sync/runs/*/held/":                       "400", // nothing is held
	"POST /api/integrations/entra/explain":                                 "404", // nobody is called so
	"POST /api/integrations/entra/reconciliation-queue:decide":             "400", // nothing is suggested
	"POST /api/integrations/entra/sync/runs/*/cancel":                      "409", // it has ended
}

var idInPath = regexp.MustCompile(`/[0-9a-f-]{36}`)

// guide runs the commands of the guide in one shell, from top to bottom, and tells how each call of
// the gateway was answered.
func (w *world) guide(t *testing.T, root string) (answers []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/guide/setup.md"))
	require.NoError(t, err)
	var script strings.Builder
	blocks := commandBlock.FindAllStringSubmatch(string(text), -1)
	for _, block := range blocks {
		script.WriteString(block[1])
	}
	require.Greater(t, len(blocks), 20)
	here := strings.NewReplacer("http://localhost:8080", w.urls.Gateway, "http://localhost:9500", w.urls.Identity, "$(cat .local/platform-key)", w.urls.PlatformKey)
	real, err := exec.LookPath("curl")
	require.NoError(t, err)
	folder := t.TempDir()
	// A call that a busy part refuses for the moment, 503, is made again, as its reader does.
	shim := "#!/bin/sh\nexec " + real + ` --retry 5 -w '%{stderr}@ %{method} %{http_code} %{url_effective}\n' "$@"` + "\n"
	// No child begins meanwhile: it would have the file open for a moment, in which nobody may run it.
	syscall.ForkLock.RLock()
	err = os.WriteFile(filepath.Join(folder, "curl"), []byte(shim), 0o755) // it is run
	syscall.ForkLock.RUnlock()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", here.Replace(script.String()))
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"))
	var said, problems strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &problems
	require.NoError(t, cmd.Run(), "%s\n%s", problems.String(), said.String())
	for line := range strings.Lines(problems.String()) {
		var method, status, url string
		if n, _ := fmt.Sscanf(line, "@ %s %s %s", &method, &status, &url); n == 3 && strings.HasPrefix(url, w.urls.Gateway) {
			path, _, _ := strings.Cut(strings.TrimPrefix(url, w.urls.Gateway), "?")
			answers = append(answers, status+" "+method+" "+idInPath.ReplaceAllString(path, "/*"))
		}
	}
	return answers
}

// TestTheCommandsOfTheGuideRun expects every call of the guide to be answered as a reader expects it.
func TestTheCommandsOfTheGuideRun(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	w := start(t, stack.Options{Fleet: string(fleet.Tiny)})
	w.load(t, w.msp(t, "msp-demo"))
	var people []map[string]any // two with one mail in each directory: somebody waits in the queue
	for _, tenant := range w.fleet.Customers() {
		for _, name := range []string{"Ada", "Bea"} {
			people = append(people, map[string]any{"kind": "add", "tenant": tenant.ID, "set": map[string]any{
				"userPrincipalName": name + "@" + tenant.Domains[0].Name, "displayName": name + " Both", "mail": "both@" + tenant.Domains[0].Name, "accountEnabled": true,
			}})
		}
	}
	w.simulator(t, "POST", "/admin/changes", map[string]any{"changes": people})
	answers := w.guide(t, root)
	require.Greater(t, len(answers), 70)
	var unexpected []string
	for _, answer := range answers {
		if status, call, _ := strings.Cut(answer, " "); status >= "400" && refusedInGuide[call] != status {
			unexpected = append(unexpected, answer)
		}
	}
	require.Empty(t, unexpected)
	require.Contains(t, answers, "304 GET /api/integrations/entra/settings", "the tag of an answer asks for a new one alone")
}
