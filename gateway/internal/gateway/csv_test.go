package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/pkg/errs"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

const (
	exportPath = "/api/integrations/entra/mappings/export"
	importPath = "/api/integrations/entra/mappings/import"
	exportCall = "/entrasync.mapping.v1.MappingService/ExportMappings"
	importCall = "/entrasync.mapping.v1.MappingService/ImportMappings"
)

func TestCSVIsGivenToCallersThatAcceptIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.backends.on(exportCall, func(context.Context, proto.Message) (proto.Message, error) {
		return &mappingv1.ExportMappingsResponse{Csv: "a,b\r\n1,\"ä\"\r\n", Version: 7}, nil
	})
	for _, accept := range []string{"text/csv", "text/csv; charset=utf-8", "text/csv, */*;q=0.1", "application/json;q=0.5, text/csv;q=0.9"} {
		res := b.as(b.reader("t1"), "GET", exportPath, "", "Accept", accept)
		require.Equal(t, 200, res.status, res.body)
		require.Equal(t, "\ufeffa,b\r\n1,\"ä\"\r\n", res.body, "a spreadsheet takes it for UTF-8: "+accept)
		require.Equal(t, "text/csv; charset=utf-8", res.header.Get("Content-Type"))
		require.Equal(t, `attachment; filename="mappings.csv"`, res.header.Get("Content-Disposition"))
		require.Equal(t, "7", res.header.Get("Entrasync-Version"))
	}
	for _, accept := range []string{"", "*/*", "application/json", "application/json, text/csv", "text/csv;q=0", "text/csv;q=x", ";;"} {
		res := b.as(b.reader("t1"), "GET", exportPath, "", "Accept", accept)
		require.Equal(t, 200, res.status, res.body)
		require.Equal(t, "7", res.json(t)["version"], accept)
		require.Equal(t, "a,b\r\n1,\"ä\"\r\n", res.json(t)["csv"], "no file, no mark")
		require.Equal(t, "application/json", res.header.Get("Content-Type"))
		require.Empty(t, res.header.Get("Content-Disposition"))
	}
	res := b.as(b.reader("t1"), "GET", "/api/integrations/entra/mappings", "", "Accept", "text/csv")
	require.Equal(t, "application/json", res.header.Get("Content-Type"), "what has no CSV is JSON")
	res = b.as(b.reader("t1"), "GET", exportPath+"?state=mapped", "", "Accept", "text/csv")
	require.Equal(t, 400, res.status)
	require.Equal(t, "invalid_argument", res.problem(t).Code)
	b.backends.on(exportCall, func(context.Context, proto.Message) (proto.Message, error) {
		return nil, errs.New(errs.Unavailable, "discovery_away", "Later.")
	})
	res = b.as(b.reader("t1"), "GET", exportPath, "", "Accept", "text/csv")
	require.Equal(t, 503, res.status)
	require.Equal(t, "discovery_away", res.problem(t).Code)
	require.Equal(t, "application/problem+json", res.header.Get("Content-Type"))
}

func TestCSVIsTakenAsTheBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	runs := 0
	b.backends.on(importCall, func(_ context.Context, r proto.Message) (proto.Message, error) {
		runs++
		dry := r.(*mappingv1.ImportMappingsRequest).DryRun
		return &mappingv1.ImportMappingsResponse{DryRun: dry == nil || *dry, Changed: 2}, nil
	})
	post := func(query, body string, headers ...string) answer {
		return b.as(b.admin("t1"), "POST", importPath+query, body, append([]string{"Content-Type", "text/csv; charset=utf-8"}, headers...)...)
	}
	const text = "\ufeffa;b\r\n\"{\"\"csv\"\":1}\";2\r\n"
	last := func() *mappingv1.ImportMappingsRequest {
		calls := b.backends.of(importCall)
		return calls[len(calls)-1].request.(*mappingv1.ImportMappingsRequest)
	}
	res := post("", text)
	require.Equal(t, 200, res.status, res.body)
	require.EqualValues(t, 2, res.json(t)["changed"], "the answer is JSON")
	require.Equal(t, text, last().GetCsv())
	require.Nil(t, last().DryRun)
	require.Nil(t, last().Version)
	res = post("?dryRun=false&version=12", text, "Accept", "text/csv")
	require.Equal(t, 200, res.status, res.body)
	require.EqualValues(t, 2, res.json(t)["changed"])
	require.NotNil(t, last().DryRun)
	require.False(t, last().GetDryRun())
	require.EqualValues(t, 12, last().GetVersion())
	res = b.as(b.admin("t1"), "POST", importPath, `{"csv":"x","dryRun":false}`)
	require.Equal(t, 200, res.status, res.body)
	require.Equal(t, "x", last().GetCsv())
	require.Equal(t, 3, runs)

	for query, field := range map[string]string{
		"?dryRun=perhaps": "dryRun", "?version=new": "version", "?csv=x": "csv", "?dry=false": "dry",
	} {
		res = post(query, text)
		require.Equal(t, 400, res.status, query+res.body)
		p := res.problem(t)
		require.Equal(t, "invalid_argument", p.Code)
		require.Len(t, p.Violations, 1, query)
		require.Equal(t, field, p.Violations[0].Field, query)
	}
	require.Equal(t, 400, post("?dryRun=true&dryRun=false", text).status)
	res = b.as(b.admin("t1"), "POST", importPath+"?dryRun=false", `{"csv":"x"}`)
	require.Equal(t, 400, res.status, "beside JSON nothing stands in the query")
	for body, field := range map[string]string{"a\xff": "csv", "": "csv", strings.Repeat("x", 4<<20+1): "csv"} {
		res = post("", body)
		if body == "" {
			res = b.as(b.admin("t1"), "POST", importPath, "", "Content-Type", "text/csv")
		}
		require.Equal(t, 400, res.status, res.body)
		require.Equal(t, field, res.problem(t).Violations[0].Field)
	}
	require.Equal(t, 413, post("", strings.Repeat("x", 17<<20)).status)
	require.Equal(t, 3, runs, "nothing of these reached the service")

	first := post("?version=1&dryRun=false", text, "Idempotency-Key", "k") // a dry run is not kept
	again := post("?version=1&dryRun=false", text, "Idempotency-Key", "k")
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	require.Equal(t, compact(t, first.body), compact(t, again.body))
	require.Equal(t, 4, runs)
	require.Equal(t, "idempotency_key_reused", post("?version=2&dryRun=false", text, "Idempotency-Key", "k").problem(t).Code)
	var outcomes []string
	rows, err := b.db.Admin.Query(t.Context(), `SELECT DISTINCT outcome FROM audit_events WHERE action LIKE '%/ImportMappings' ORDER BY 1`)
	require.NoError(t, err)
	for rows.Next() {
		var outcome string
		require.NoError(t, rows.Scan(&outcome))
		outcomes = append(outcomes, outcome)
	}
	require.NoError(t, rows.Err())
	require.Subset(t, outcomes, []string{"ok", "invalid_argument", "idempotency_key_reused"})
}

// describedPath is a method's path in the description, where variables are named as
// JSON names fields.
func describedPath(m access.Method) string {
	return variable.ReplaceAllStringFunc(m.Path, func(name string) string {
		field := m.Descriptor.Input().Fields().ByName(protoreflect.Name(strings.Trim(name, "{}")))
		return "{" + field.JSONName() + "}"
	})
}

func TestCSVIsDescribed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doc, err := openapi3.NewLoader().LoadFromData([]byte(b.do("GET", "/openapi.json", "").body))
	require.NoError(t, err)
	found := 0
	for _, m := range methods(t) {
		item := doc.Paths.Value(describedPath(m))
		if item == nil {
			continue // not offered
		}
		if access.CSVField(m.Descriptor.Output()) != nil {
			found++
			require.NotNil(t, item.GetOperation(m.Verb).Responses.Value("200").Value.Content.Get("text/csv"))
			require.NotNil(t, item.GetOperation(m.Verb).Responses.Value("200").Value.Content.Get("application/json"))
		}
		if access.CSVField(m.Descriptor.Input()) != nil {
			found++
			require.NotNil(t, item.GetOperation(m.Verb).RequestBody.Value.Content.Get("text/csv"))
			require.NotNil(t, item.GetOperation(m.Verb).Parameters.GetByInAndName("query", "dryRun"))
		}
	}
	require.Equal(t, 5, found)
	require.Equal(t, http.StatusOK, b.do("GET", "/docs", "").status)
}

// TestAListIsGivenAsCSVOrAsJSON: never both, and CSV says how it goes on.
func TestAListIsGivenAsCSVOrAsJSON(t *testing.T) {
	t.Parallel()
	const (
		path = "/api/integrations/entra/sync/runs/r1/identities"
		call = "/entrasync.syncengine.v1.ReportService/ListRunIdentities"
	)
	b := setup(t)
	b.allOn("t1")
	b.backends.on(call, func(_ context.Context, in proto.Message) (proto.Message, error) {
		request, ok := in.(*syncenginev1.ListRunIdentitiesRequest)
		require.True(t, ok)
		require.Equal(t, "r1", request.GetRunId())
		require.Equal(t, "held", request.GetOutcome())
		answer := &syncenginev1.ListRunIdentitiesResponse{NextPageToken: "next"}
		if request.GetAsCsv() {
			answer.Csv = proto.String("a\r\n")
		} else {
			answer.Identities = []*syncenginev1.RunIdentity{{DisplayName: "Ann"}}
		}
		return answer, nil
	})
	res := b.as(b.reader("t1"), "GET", path+"?outcome=held", "", "Accept", "text/csv")
	require.Equal(t, 200, res.status, res.body)
	require.Equal(t, "\ufeffa\r\n", res.body)
	require.Equal(t, "next", res.header.Get("Entrasync-Next-Page-Token"))
	require.Equal(t, `attachment; filename="identities.csv"`, res.header.Get("Content-Disposition"))
	res = b.as(b.reader("t1"), "GET", path+"?outcome=held", "")
	require.Equal(t, 200, res.status, res.body)
	require.Len(t, res.json(t)["identities"], 1)
	require.NotContains(t, res.json(t), "csv")
}
