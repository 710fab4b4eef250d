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
		project + "pkg/errs", project + "pkg/page", project + "pkg/searchkey", project + "pkg/settle", project + "pkg/sheet", project + "pkg/tenant", project + "pkg/text",
		project + "proto/entrasync/connectionstatus", project + "proto/entrasync/effectkind", project + "proto/entrasync/pausereason",
		project + "proto/entrasync/reason", project + "proto/entrasync/runstate",
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

// microsoftLayers are what the packages that call Microsoft may import of the project.
var microsoftLayers = map[string][]string{
	"/jsontext": nil,
	"/pace":     {"outbound"},
	"":          {"connection", "outbound", "microsoft/pace"}, // the table of failures
	"/signin":   {"connection", "outbound", "microsoft/pace", "microsoft"},
	"/graph":    {"connection", "outbound", "microsoft/jsontext", "microsoft/pace", "microsoft"},
	// For their tests.
	"/microsofttest": {"connection"},
}

// TestMicrosoftsPackagesStandInLayers: the scanner knows nothing of ours; what keeps the pace
// knows no directory, no failure for people and no store; signing in and reading directories
// know the table of failures and nothing of one another.
func TestMicrosoftsPackagesStandInLayers(t *testing.T) {
	t.Parallel()
	const internal = "services/connection/internal/"
	packages := graph(t)
	seen := 0
	for name, p := range packages {
		layer, ok := strings.CutPrefix(name, internal+"microsoft")
		if !ok {
			continue
		}
		seen++
		allowed, ok := microsoftLayers[layer]
		require.True(t, ok, "give %s a layer", name)
		for _, imported := range p.Imports {
			inside, ours := strings.CutPrefix(imported, project+internal)
			if ours {
				require.Contains(t, allowed, inside, name)
			} else if layer == "/jsontext" || layer == "/pace" {
				require.False(t, strings.HasPrefix(imported, project), "%s imports %s", name, imported)
			}
		}
	}
	require.Len(t, microsoftLayers, seen)
}

// gatewayLayers are the packages of the gateway, the lowest first. A package may import those
// of lower layers alone.
var gatewayLayers = [][]string{
	{"audit", "flags", "identity", "webhook"},
	{"access", "console", "identity/identitytest", "postgres/sqlc"},
	{"core"},
	{"http", "peers", "postgres"},
	{"connect", "openapi", "progress", "rest"},
	{"gateway"},
}

// TestTheGatewayStandsInLayers: the core knows no protocol, and nothing but the assembly knows
// all of it.
func TestTheGatewayStandsInLayers(t *testing.T) {
	t.Parallel()
	const folder = "gateway/internal/"
	layer := map[string]int{}
	for i, names := range gatewayLayers {
		for _, name := range names {
			layer[name] = i
		}
	}
	packages := graph(t)
	for name := range layer {
		require.Contains(t, packages, folder+name, "there is no such package any more")
	}
	for name, p := range packages {
		name, inside := strings.CutPrefix(name, folder)
		if !inside {
			continue
		}
		at, placed := layer[name]
		require.True(t, placed, "give %s a layer", name)
		if name == "core" {
			require.Empty(t, hasAny(p.Imports, "connectrpc.com/connect", "github.com/grpc-ecosystem/grpc-gateway"), "the core knows a protocol")
		}
		for _, imported := range p.Imports {
			if lower, ok := strings.CutPrefix(imported, project+folder); ok {
				require.Less(t, layer[lower], at, "%s imports %s", name, lower)
			}
		}
	}
}

// TestARoundStandsBelowTheStore: a round knows the domain, the generated queries and its session, and
// neither the store that opens it nor how it is served.
func TestARoundStandsBelowTheStore(t *testing.T) {
	t.Parallel()
	const folder = "services/sync-engine/internal/"
	allowed := []string{
		project + folder + "postgres/sqlc", project + folder + "syncengine", project + "pkg/errs", project + "pkg/pg", project + "pkg/tenant",
		project + "proto/entrasync/reason",
	}
	round, ok := graph(t)[folder+"postgres/round"]
	require.True(t, ok)
	for _, imported := range round.Imports {
		if strings.HasPrefix(imported, project) {
			require.Contains(t, allowed, imported)
		}
	}
}

// TestKindsOfConnectionsAreRegisteredInOnePlace: deleting the folder of CIPP and its line in
// kinds.go removes it, so nothing else of the services names it.
func TestKindsOfConnectionsAreRegisteredInOnePlace(t *testing.T) {
	t.Parallel()
	const folder, registry = "services/connection/internal/cipp", "services/connection/internal/assembly/kinds.go"
	for name, p := range graph(t) {
		if name != "services/connection/internal/assembly" && name != folder {
			require.Empty(t, hasAny(p.Imports, project+folder), name)
		}
	}
	registered := false
	for file, text := range written(t, ".go") {
		if !strings.HasPrefix(file, "services/") || strings.HasPrefix(file, folder) || strings.HasSuffix(file, "_test.go") {
			continue
		}
		named := strings.Contains(strings.ToLower(text), "cipp")
		require.Equal(t, file == registry, named, file)
		registered = registered || named
	}
	require.True(t, registered)
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
