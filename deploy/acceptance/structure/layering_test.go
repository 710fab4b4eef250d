package structure

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// domains are the packages with the rules of each service.
var domains = []string{
	"services/connection/internal/connection",
	"services/discovery/internal/discovery",
	"services/mapping/internal/mapping",
	"services/sync-engine/internal/syncengine",
	"services/reconciliation/internal/reconciliation",
	"services/worker/internal/orchestration",
}

func TestDomainsKnowOnlyWhatHasNoSideEffects(t *testing.T) {
	t.Parallel()
	packages := graph(t)
	allowed := []string{
		project + "pkg/errs", project + "pkg/page", project + "pkg/searchkey", project + "pkg/sheet", project + "proto/entrasync/reason",
		"golang.org/x/text", "golang.org/x/net/idna", "golang.org/x/net/publicsuffix",
	}
	for _, domain := range domains {
		p, ok := packages[domain]
		require.True(t, ok, "%s is missing", domain)
		for _, imported := range p.Imports {
			if !strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
				continue // the standard library
			}
			require.NotEmpty(t, hasAny([]string{imported}, allowed...), "%s imports %s", domain, imported)
		}
	}
}

func TestTheRPCLayerDoesNotKnowTheDatabase(t *testing.T) {
	t.Parallel()
	seen := 0
	for name, p := range graph(t) {
		if !strings.HasPrefix(name, "services/") || !strings.HasSuffix(name, "/internal/rpc") {
			continue
		}
		seen++
		require.Empty(t, hasAny(p.Imports, "github.com/jackc/pgx/v5", project+"pkg/pg"), name)
		for _, imported := range p.Imports {
			require.NotContains(t, imported, "/internal/postgres", name)
		}
	}
	require.Equal(t, len(domains), seen)
}

func TestWorkflowsReachNothing(t *testing.T) {
	t.Parallel()
	p, ok := graph(t)["services/worker/internal/workflow"]
	require.True(t, ok)
	require.Empty(t, hasAny(p.Imports, "net", "net/http", "os", "math/rand", "math/rand/v2", "crypto/rand",
		"database/sql", "github.com/jackc/pgx/v5", "google.golang.org/grpc", "go.temporal.io/sdk/client"))
}

// TestProgramsLinkOnlyWhatIsTheirs looks at whole programs, which no linter does.
func TestProgramsLinkOnlyWhatIsTheirs(t *testing.T) {
	t.Parallel()
	packages := graph(t)
	services := []string{"connection", "discovery", "mapping", "sync-engine", "reconciliation", "worker"}
	for _, service := range services {
		p, ok := packages["services/"+service]
		require.True(t, ok, service)
		if service != "worker" {
			require.Empty(t, hasAny(p.Deps, "go.temporal.io"), "only the worker links Temporal, not %s", service)
		} else {
			require.Empty(t, hasAny(p.Deps, "github.com/jackc/pgx/v5"), "the worker has no table")
		}
		if service != "connection" {
			require.Empty(t, hasAny(p.Deps, "golang.org/x/oauth2", "golang.org/x/oauth2/clientcredentials"), "only the connection speaks OAuth, not %s", service)
		}
		for _, other := range services {
			if other != service {
				require.Empty(t, hasAny(p.Deps, project+"services/"+other), "%s and %s meet in proto alone", service, other)
			}
		}
		require.Empty(t, hasAny(p.Deps, project+"gateway", project+"deploy"), service)
	}
	gateway, ok := packages["gateway"]
	require.True(t, ok)
	require.Empty(t, hasAny(gateway.Deps, "go.temporal.io", project+"services", project+"deploy"))
	for name, p := range packages {
		if strings.HasPrefix(name, "pkg/") {
			require.Empty(t, hasAny(p.Deps, project+"services", project+"gateway", project+"deploy"), name)
		}
		if strings.HasPrefix(name, "proto/") {
			require.Empty(t, hasAny(p.Deps, "github.com/jackc/pgx/v5", "go.temporal.io"), name)
		}
	}
}

// TestMicrosoftsRoomsStandInLayers: the scanner knows nothing of ours, and what keeps the
// pace knows no directory, no failure for people and no store.
func TestMicrosoftsRoomsStandInLayers(t *testing.T) {
	t.Parallel()
	const rooms = "services/connection/internal/microsoft/"
	packages := graph(t)
	for room, allowed := range map[string][]string{
		"jsontext": nil,
		"pace":     {project + "services/connection/internal/outbound"},
	} {
		p, ok := packages[rooms+room]
		require.True(t, ok, room)
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, project) {
				require.Contains(t, allowed, imported, room)
			}
		}
	}
}

func TestNoPackageIsNamedForNothing(t *testing.T) {
	t.Parallel()
	for name := range graph(t) {
		last := name[strings.LastIndex(name, "/")+1:]
		for _, vague := range []string{"util", "utils", "common", "helpers", "helper", "shared", "misc"} {
			require.NotEqual(t, vague, last, name)
		}
	}
}
