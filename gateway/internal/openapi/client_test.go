package openapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/openapi"
	"github.com/entrasync/entrasync/proto"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1" // all contracts
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

var update = flag.Bool("update", false, "write the description that the TypeScript client is generated from")

// TestTheDescriptionStillHasWhatTheClientWasMadeFrom finds every route from whose description the
// TypeScript client's types were generated. To bring the client up to date: "go test
// ./gateway/internal/openapi -update", then "npm run generate" in proto/client/typescript.
func TestTheDescriptionStillHasWhatTheClientWasMadeFrom(t *testing.T) {
	t.Parallel()
	methods, err := access.PublicMethods()
	require.NoError(t, err)
	documents, err := openapi.Build(proto.OpenAPI, access.Offered(methods), "https://entrasync.example")
	require.NoError(t, err)
	path := filepath.Join("..", "..", "..", "proto", "client", "typescript", "openapi.json")
	if *update {
		var indented bytes.Buffer
		require.NoError(t, json.Indent(&indented, documents.JSON, "", " "))
		indented.WriteByte('\n')
		require.NoError(t, os.WriteFile(path, indented.Bytes(), 0o644))
	}
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	was, is := routesOf(t, kept), routesOf(t, documents.JSON)
	require.Greater(t, len(was), 40)
	require.Subset(t, is, was)
}

// routesOf are the routes of a description.
func routesOf(t *testing.T, document []byte) (routes []string) {
	t.Helper()
	var described struct {
		Paths map[string]map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal(document, &described))
	for path, verbs := range described.Paths {
		for verb := range verbs {
			routes = append(routes, verb+" "+path)
		}
	}
	return routes
}
