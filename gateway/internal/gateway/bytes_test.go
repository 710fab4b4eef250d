package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/gateway"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

func TestOddBytesInAnAddressAreTheCallersMistake(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	token, asked := b.admin("t1"), 0
	named := func(verb, path, field string) {
		asked++
		body := ""
		if verb != http.MethodGet && verb != http.MethodDelete {
			body = "{}"
		}
		res := b.do(verb, path, body, "Authorization", "Bearer "+token, "X-Api-Key", platformKey)
		require.Equal(t, 400, res.status, path+": "+res.body)
		p := res.problem(t)
		require.Equal(t, "invalid_argument", p.Code, path)
		require.Len(t, p.Violations, 1, path)
		require.Equal(t, field, p.Violations[0].Field, path)
		if strings.Contains(path, "%00") {
			require.Contains(t, p.Violations[0].Message, "NUL", path)
		} else {
			require.Contains(t, p.Violations[0].Message, "UTF-8", path)
		}
	}
	for _, m := range methods(t) {
		for _, in := range variable.FindAllString(m.Path, -1) {
			field := m.Descriptor.Input().Fields().ByName(protoreflect.Name(strings.Trim(in, "{}")))
			path := variable.ReplaceAllString(strings.Replace(m.Path, in, "a%ffb", 1), "x")
			named(m.Verb, path, field.JSONName())
			named(m.Verb, strings.Replace(path, "%ff", "%00", 1), field.JSONName())
		}
		for i := range m.Descriptor.Input().Fields().Len() {
			field := m.Descriptor.Input().Fields().Get(i)
			if m.Body == "" && field.Kind() == protoreflect.StringKind && !strings.Contains(m.Path, "{"+string(field.Name())+"}") {
				named(m.Verb, variable.ReplaceAllString(m.Path, "x")+"?"+field.JSONName()+"=%c3%28", field.JSONName())
				named(m.Verb, variable.ReplaceAllString(m.Path, "x")+"?"+field.JSONName()+"=a%00b", field.JSONName())
			}
		}
	}
	require.Greater(t, asked, 10)
	named("GET", "/api/clients?%ff=1", "\ufffd")
	named("GET", eventsOf("a%ffb"), "runId")
	require.Zero(t, b.backends.count())
}

// over calls a method with raw bytes in the binary encoding on each protocol, and
// gives the error of each.
func (b *bundle) over(t *testing.T, token, procedure string, raw []byte) map[string]error {
	t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(b.url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token, "x-api-key", platformKey)
	var answer []byte
	out := map[string]error{"gRPC": rpc.FromStatus(conn.Invoke(ctx, procedure, &raw, &answer, grpc.ForceCodec(rawCodec{})))}
	headers := []string{"Authorization", "Bearer " + token, "X-Api-Key", platformKey}
	res := b.do("POST", procedure, string(raw)+"", append(headers, "Content-Type", "application/proto")...)
	if len(raw) == 0 {
		res = b.do("POST", procedure, "", append(headers, "Content-Type", "application/proto")...)
	}
	out["Connect"] = nil
	if res.status != 200 {
		out["Connect"] = errs.New(errs.Invalid, reason(t, res.body), res.body)
	}
	frame := append([]byte{0, byte(len(raw) >> 24), byte(len(raw) >> 16), byte(len(raw) >> 8), byte(len(raw))}, raw...)
	web := b.do("POST", procedure, string(frame), append(headers, "Content-Type", "application/grpc-web+proto")...)
	out["gRPC-Web"] = nil
	if code := web.header.Get("Grpc-Status"); code != "" && code != "0" || !strings.Contains(web.body, "grpc-status: 0") && code == "" {
		out["gRPC-Web"] = errs.New(errs.Invalid, "invalid_argument", web.header.Get("Grpc-Message")+web.body)
	}
	return out
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

// Marshal gives the bytes.
func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

// Unmarshal keeps the bytes.
func (rawCodec) Unmarshal(raw []byte, v any) error { *v.(*[]byte) = raw; return nil }

// Name is that of the binary encoding.
func (rawCodec) Name() string { return "proto" }

func TestUnknownFieldsAreRefusedInEveryEncoding(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 20_000, protowire.VarintType), 1)
	deep := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), unknown)
	cases := map[string][]byte{
		"/entrasync.mapping.v1.MappingService/ConfirmMappings": deep,
		batch: deep,
	}
	for _, m := range methods(t) {
		for name, err := range b.over(t, b.admin("t1"), m.Procedure, unknown) {
			require.Equal(t, "invalid_argument", errs.ReasonOf(err), name+m.Procedure)
		}
	}
	for procedure, raw := range cases {
		for name, err := range b.over(t, b.admin("t1"), procedure, raw) {
			require.Equal(t, "invalid_argument", errs.ReasonOf(err), name+procedure)
		}
	}
	err := b.over(t, b.admin("t1"), batch, deep)["gRPC"]
	require.Equal(t, []errs.Violation{{Field: "clients[0].20000", Message: "is not a field of this request"}}, rpc.Normalise(err).Violations())
	require.Zero(t, b.backends.count())
	raw, err := proto.Marshal(&mappingv1.BatchUpsertClientsRequest{Clients: []*mappingv1.ClientRecord{{Name: "n"}}})
	require.NoError(t, err)
	for name, err := range b.over(t, b.admin("t1"), batch, raw) {
		require.NoError(t, err, name)
	}
	require.Equal(t, 3, b.backends.count())
}

func TestOnlyJSONAndCSVAreTakenOverREST(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	headers := []string{"Authorization", "Bearer " + b.admin("t1"), "X-Api-Key", platformKey}
	asked := 0
	for _, m := range methods(t) {
		if m.Body == "" {
			continue
		}
		path := variable.ReplaceAllString(m.Path, "x")
		for _, media := range []string{
			"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", ";", "application/json; charset=latin1", "",
			"text/csv",
		} {
			if media == "text/csv" && access.CSVField(m.Descriptor.Input()) != nil {
				continue
			}
			asked++
			res := b.do(m.Verb, path, "{}", append(headers, "Content-Type", media)...)
			require.Equal(t, 415, res.status, media+path+res.body)
			require.Equal(t, "unsupported_media_type", res.problem(t).Code)
		}
		res := b.do(m.Verb, path, "{}", append(headers, "Content-Encoding", "gzip")...)
		require.Equal(t, 415, res.status, res.body)
		res = b.do(m.Verb, path, "{}", append(headers, "Content-Type", "application/json; charset=UTF-8")...)
		require.NotEqual(t, 415, res.status, res.body)
	}
	require.Greater(t, asked, 50)
	require.Equal(t, 415, b.do("POST", "/api/integrations/entra/disconnect", "", append(headers, "Content-Type", "text/plain")...).status,
		"a form without fields is a form")
	require.Equal(t, 415, b.do("POST", syncPath, "{}", append(headers, "Content-Type", "text/plain")...).status)
}

func TestBytesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *gateway.Parts) { p.TenantBytes, p.AllBytes, p.BytesWait = 1000, 1500, 1 })
	b.allOn("t1")
	b.allOn("t2")
	entered, leave := make(chan struct{}), make(chan struct{})
	b.backends.on(batch, func(context.Context, proto.Message) (proto.Message, error) {
		entered <- struct{}{}
		<-leave
		return &mappingv1.BatchUpsertClientsResponse{}, nil
	})
	body := func(n int) string { return `{"clients":[{"name":"` + strings.Repeat("n", n) + `"}]}` }
	put := func(tenant, body string) answer {
		return b.as(b.admin(tenant), "PUT", "/api/clients:batch", body)
	}
	done := make(chan answer, 2)
	go func() { done <- put("t1", body(2000)) }()
	<-entered
	refused := put("t1", body(100))
	require.Equal(t, 429, refused.status, refused.body)
	require.Equal(t, "rate_limited", refused.problem(t).Code)
	require.Equal(t, "1", refused.header.Get("Retry-After"))
	refused = put("t2", body(600))
	require.Equal(t, 503, refused.status, refused.body)
	require.Equal(t, "overloaded", refused.problem(t).Code)
	require.Equal(t, "1", refused.header.Get("Retry-After"))
	over := b.as(b.admin("t1"), "POST", startSync, `{"scope":"initial"}`)
	require.Equal(t, 429, over.status, "the same bytes over Connect")
	require.Equal(t, "rate_limited", reason(t, over.body))
	require.Equal(t, 200, b.as(b.admin("t1"), "GET", "/api/clients", "").status, "what has no body needs none")
	go func() { done <- put("t2", body(100)) }()
	<-entered
	close(leave)
	require.Equal(t, 200, (<-done).status)
	require.Equal(t, 200, (<-done).status)
	var rows int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM audit_events WHERE action LIKE '%/BatchUpsertClients'`).Scan(&rows))
	require.Equal(t, 2, rows, "what is refused for its bytes writes nothing")
	b.backends.on(startSync, func(context.Context, proto.Message) (proto.Message, error) {
		return &orchestrationv1.StartSyncResponse{RunId: "r"}, nil
	})
	for range 5 { // nothing is left held, also by what failed
		require.Equal(t, 400, put("t1", "{").status)
		require.Equal(t, 202, b.as(b.admin("t1"), "POST", syncPath, `{"scope":"initial"}`).status)
	}
}

func TestThePartOfARefusalThatConnectRepeatsIsShort(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	confirm := `{"decisions":[` + strings.TrimSuffix(strings.Repeat(`{},`, 5000), ",") + `]}`
	rest := b.as(b.admin("t1"), "POST", "/api/integrations/entra/mappings/confirm", confirm)
	require.Equal(t, 400, rest.status)
	p := rest.problem(t)
	require.Len(t, p.Violations, 101)
	require.Equal(t, "and 9900 more", p.Violations[100].Message)
	require.Empty(t, p.Violations[100].Field)
	require.Less(t, len(rest.body), 64_000)
	connect := b.as(b.admin("t1"), "POST", "/entrasync.mapping.v1.MappingService/ConfirmMappings", confirm)
	require.Equal(t, 400, connect.status)
	require.Less(t, len(connect.body), 64_000)
	require.NotContains(t, connect.body, "fieldViolations", "they stand in it once")
	request := &mappingv1.ConfirmMappingsRequest{}
	for range 5000 {
		request.Decisions = append(request.Decisions, &mappingv1.MappingDecision{})
	}
	raw, err := proto.Marshal(request)
	require.NoError(t, err)
	over := b.over(t, b.admin("t1"), "/entrasync.mapping.v1.MappingService/ConfirmMappings", raw)["gRPC"]
	require.Equal(t, codes.InvalidArgument, status.Code(rpc.ToStatus(over).Err()))
	require.Len(t, rpc.Normalise(over).Violations(), 101)
	require.Equal(t, "and 9900 more", rpc.Normalise(over).Violations()[100].Message)
}
