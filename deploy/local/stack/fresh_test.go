package stack_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/stack"
)

// only are the processes to leave out so that these are left.
func only(names ...string) []string {
	return slices.DeleteFunc(stack.Names(), func(name string) bool { return slices.Contains(names, name) })
}

// built builds what the stacks of these tests run, once, however long the compiler takes: the bound of a
// start is for what hangs.
var built = sync.OnceValue(func() error { return stack.Build(context.Background(), stack.Options{}, os.Stderr) })

func started(t *testing.T, options stack.Options) *stack.Stack {
	t.Helper()
	require.NoError(t, built())
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	s, err := stack.Start(ctx, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

// TestAStackBelowAFolderThatIsClosedToOthers is root's checkout below /root: PostgreSQL runs as
// somebody else, who cannot get there, so its data lies elsewhere; what else is kept does not.
func TestAStackBelowAFolderThatIsClosedToOthers(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	dir, err := os.Getwd()
	require.NoError(t, err)
	root, err := layout.FindRoot(dir)
	require.NoError(t, err)
	where := layout.Layout{Root: root, State: filepath.Join(closed, ".local")}
	t.Cleanup(func() { require.NoError(t, stack.Delete(where)) })

	s := started(t, stack.Options{State: where.State, Volatile: true, Fleet: "tiny", Without: only("postgres", "database", "simulator")})
	require.FileExists(t, filepath.Join(where.Data(), "simulator.json"))
	if os.Geteuid() == 0 {
		require.NoDirExists(t, filepath.Join(where.Data(), "postgres"))
	}
	require.NoError(t, s.Stop())
	require.NoError(t, stack.Delete(where))
	require.NoDirExists(t, where.Shared())
}

// TestAStackOnADatabaseOfOnesOwn has a connection string as people write it, without a word of
// TLS: what speaks to the database must find out by itself.
func TestAStackOnADatabaseOfOnesOwn(t *testing.T) {
	t.Parallel()
	server := started(t, stack.Options{Without: only("postgres", "database")})
	own, err := url.Parse(server.URLs().Database)
	require.NoError(t, err)
	own.RawQuery = ""
	options := stack.Options{
		DatabaseURL: own.String(), Fleet: "tiny", Without: only("temporal-schema", "temporal", "temporal-ui", "simulator"),
	}
	s := started(t, options)
	require.FileExists(t, filepath.Join(filepath.Dir(s.URLs().Logs), "data", "simulator.json"))

	t.Run("the Temporal UI opens on the runs and only shows them", func(t *testing.T) {
		requireUI(t, s.URLs().TemporalUI, true)
	})
	t.Run("unless it is configured to change them", func(t *testing.T) {
		options = s.Options()
		options.TemporalUIWritable = true
		require.NoError(t, s.Reload(t.Context(), options))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, s.Wait(ctx))
		requireUI(t, s.URLs().TemporalUI, false)
	})
}

// requireUI looks at the UI behind the address of the runs.
func requireUI(t *testing.T, address string, readOnly bool) {
	t.Helper()
	token := ""
	ask := func(method, target string) (int, map[string]any) {
		req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(`{}`))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		if token != "" { // as the UI's own page does, from its cookie
			req.Header.Set("X-Csrf-Token", token)
			req.AddCookie(&http.Cookie{Name: "_csrf", Value: token})
		}
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		for _, cookie := range res.Cookies() {
			if cookie.Name == "_csrf" {
				token = cookie.Value
			}
		}
		var body map[string]any
		if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
			require.NoError(t, json.NewDecoder(res.Body).Decode(&body))
		}
		return res.StatusCode, body
	}
	base, runs, found := strings.Cut(address, "/namespaces/")
	require.True(t, found, address)
	namespace, _, _ := strings.Cut(runs, "/")

	code, _ := ask(http.MethodGet, address)
	require.Equal(t, http.StatusOK, code)
	code, settings := ask(http.MethodGet, base+"/api/v1/settings")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, namespace, settings["DefaultNamespace"], "the bare address leads there as well")
	require.Equal(t, readOnly, settings["DisableWriteActions"])
	code, list := ask(http.MethodGet, base+"/api/v1/namespaces/"+namespace+"/workflows")
	require.Equal(t, http.StatusOK, code, list)
	for _, action := range []string{"/workflows/none", "/workflows/none/signal/go", "/workflows/none/cancel", "/workflows/none/terminate", "/schedules/none"} {
		code, answer := ask(http.MethodPost, base+"/api/v1/namespaces/"+namespace+action)
		require.Equal(t, readOnly, code == http.StatusMethodNotAllowed, "%s: %d %v", action, code, answer)
	}
}

// TestTheMasterKeyIsMadeWithTheKMS asks a KMS that is not there, whose refusal must be told.
func TestTheMasterKeyIsMadeWithTheKMS(t *testing.T) {
	t.Parallel()
	_, err := stack.Start(t.Context(), stack.Options{
		MasterKeyKMSURI: "hcvault://127.0.0.1:1/transit/keys/entrasync", Without: only("connection"),
		DatabaseURL: "postgres://nobody@127.0.0.1:1/none",
		Inherit:     []string{"ENTRASYNC_VAULT_ROLE_ID=role", "ENTRASYNC_VAULT_SECRET_ID=secret"},
	})
	require.ErrorContains(t, err, "ENTRASYNC_MASTER_KEY_KMS_URI")
	require.ErrorContains(t, err, "127.0.0.1:1")
	require.NotContains(t, err.Error(), "secret_id")
}
