package gateway_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/gateway"
	gwhttp "github.com/entrasync/entrasync/gateway/internal/http"
	"github.com/entrasync/entrasync/gateway/internal/identity"
	"github.com/entrasync/entrasync/gateway/internal/identity/identitytest"
	"github.com/entrasync/entrasync/gateway/internal/openapi"
	"github.com/entrasync/entrasync/pkg/clocktest"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/telemetry"
	"github.com/entrasync/entrasync/pkg/tenant"
	entrasync "github.com/entrasync/entrasync/proto"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

const (
	audience    = "entrasync"
	platformKey = "the-platform-key"
)

func TestMain(m *testing.M) {
	_, err := telemetry.StartTracing(context.Background(), "test")
	if err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// bundle is a whole gateway on a real database, in front of backends that speak
// the contracts over mTLS, with an issuer of its own.
type bundle struct {
	t        *testing.T
	url      string
	handler  *gateway.Gateway
	db       *pgtest.DB
	issuer   *issuer
	backends *backends
	clock    *clocktest.Clock
}

// option changes the parts before the gateway is made.
type option func(*gateway.Parts)

func setup(t *testing.T, options ...option) *bundle {
	t.Helper()
	db := pgtest.Database(t, "gateway")
	net := rpctest.New(t)
	b := &bundle{t: t, db: db, issuer: newIssuer(t), backends: newBackends(), clock: clocktest.At(time.Now())}
	keyFile := filepath.Join(t.TempDir(), "master.json")
	_, err := secrets.NewKeyFile(keyFile)
	require.NoError(t, err)
	box, err := secrets.OpenBox(keyFile)
	require.NoError(t, err)
	tokens, err := identity.New(b.issuer.config(b.clock.Now))
	require.NoError(t, err)
	sum := sha256.Sum256([]byte(platformKey))
	key, err := access.ParsePlatformKey(hex.EncodeToString(sum[:]))
	require.NoError(t, err)
	dial := func(service string, pkg protoreflect.FullName) grpc.ClientConnInterface {
		address := net.Serve(service, func(r grpc.ServiceRegistrar) { b.backends.register(r, pkg) })
		return net.Dial("gateway", service, address)
	}
	parts := gateway.Parts{
		Backends: gateway.Backends{
			Connection: dial("connection", "entrasync.connection.v1"), Discovery: dial("discovery", "entrasync.discovery.v1"),
			Mapping: dial("mapping", "entrasync.mapping.v1"), SyncEngine: dial("sync-engine", "entrasync.syncengine.v1"),
			Reconciliation: dial("reconciliation", "entrasync.reconciliation.v1"), Worker: dial("worker", orchestration),
		},
		Pool: db.Pool("gateway"), Box: box, Tokens: tokens, PlatformKey: key, Enterprise: true,
		PublicURL: publicURL, Now: b.clock.Now,
		CIPP:       true, // what holds for all routes holds for these too
		TenantRate: access.Rate{PerSecond: 10_000, Burst: 10_000}, UserRate: access.Rate{PerSecond: 10_000, Burst: 10_000},
		AddressRate: access.Rate{PerSecond: 10_000, Burst: 10_000},
	}
	for _, o := range options {
		o(&parts)
	}
	if parts.PublicURL == publicURL {
		documents, err := described()
		require.NoError(t, err)
		parts.Documents = &documents
	}
	handler, err := gateway.New(t.Context(), parts)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	b.url, b.handler = server.URL, handler
	return b
}

const publicURL = "http://localhost:8080"

// described are the documents of a gateway at publicURL. Each test has a gateway, and making them
// takes longer than all the rest of it.
var described = sync.OnceValues(func() (openapi.Documents, error) {
	methods, err := access.PublicMethods()
	if err != nil {
		return openapi.Documents{}, err
	}
	return openapi.Build(entrasync.OpenAPI, access.Offered(methods), publicURL)
})

// settle runs what works in the background until it has written what it knows.
func (b *bundle) settle() {
	b.t.Helper()
	ctx, stop := context.WithCancel(b.t.Context())
	stop()
	for _, server := range b.handler.Background() {
		require.NoError(b.t, server.Serve(ctx), server.Name)
	}
}

// allOn switches every flag on for a tenant, through the public interface.
func (b *bundle) allOn(id string) {
	b.t.Helper()
	res := b.platform("POST", "/api/v1/platform-feature-flags", `{"__action":"ensure_entra_phase1_flags"}`)
	require.Equal(b.t, http.StatusOK, res.status, res.body)
	for _, key := range []string{
		"entra-integration-ui", "entra-integration-client-sync-action", "entra-integration-field-sync", "entra-integration-ambiguous-queue",
		"entra-integration-cipp",
	} {
		b.target(key, id, "add")
	}
}

func (b *bundle) target(key, id, action string) {
	b.t.Helper()
	res := b.platform("POST", "/api/v1/platform-feature-flags/"+key+"/tenants", `{"__action":"`+action+`","tenantId":"`+id+`"}`)
	require.Equal(b.t, http.StatusOK, res.status, res.body)
}

func (b *bundle) platform(verb, path, body string) answer {
	return b.do(verb, path, body, "X-Api-Key", platformKey)
}

// answer is an HTTP answer that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) problem(t *testing.T) gwhttp.Problem {
	t.Helper()
	require.Equal(t, gwhttp.ProblemType, a.header.Get("Content-Type"), a.body)
	var p gwhttp.Problem
	require.NoError(t, json.Unmarshal([]byte(a.body), &p), a.body)
	require.Equal(t, a.status, p.Status)
	return p
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	out := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(a.body), &out), a.body)
	return out
}

// do sends a request; headers come in pairs, and a repeated one is sent as often.
func (b *bundle) do(verb, path, body string, headers ...string) answer {
	b.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), verb, b.url+path, reader)
	require.NoError(b.t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	if _, given := r.Header["Content-Type"]; body != "" && !given {
		r.Header.Set("Content-Type", "application/json")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	require.NoError(b.t, err)
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	return answer{status: res.StatusCode, header: res.Header, body: string(raw)}
}

// as sends a request with a bearer token.
func (b *bundle) as(token, verb, path, body string, headers ...string) answer {
	b.t.Helper()
	return b.do(verb, path, body, append([]string{"Authorization", "Bearer " + token}, headers...)...)
}

func (b *bundle) admin(id string) string {
	return b.issuer.token(b.t, b.clock.Now(), claims{"tenant_id": id, "permissions": []string{access.Read, access.Update, access.People}})
}

func (b *bundle) reader(id string) string {
	return b.issuer.token(b.t, b.clock.Now(), claims{"tenant_id": id, "permissions": access.Read, "sub": "reader"})
}

func (b *bundle) portal(id string) string {
	return b.issuer.token(b.t, b.clock.Now(), claims{
		"tenant_id": id, "user_type": "client", "permissions": []string{access.Read, access.Update, access.People}, "sub": "portal",
	})
}

// claims are laid over those of a valid token; nil removes one.
type claims map[string]any

// issuer is an OpenID provider with one key.
type issuer struct{ *identitytest.Issuer }

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	return &issuer{identitytest.New(t)}
}

// config trusts the issuer. An answer of it that is late is not asked for again while the clock stands still.
func (i *issuer) config(now func() time.Time) identity.Config {
	return identity.Config{Issuers: []string{i.URL}, Audience: audience, Now: now, Timeout: time.Minute}
}

func (i *issuer) payload(t *testing.T, now time.Time, over claims) []byte {
	t.Helper()
	all := claims{
		"iss": i.URL, "aud": audience, "sub": "admin", "user_type": "internal", "name": "Ada", "email": "ada@example.com",
		"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(all, over)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	raw, err := json.Marshal(all)
	require.NoError(t, err)
	return raw
}

func (i *issuer) token(t *testing.T, now time.Time, over claims) string {
	t.Helper()
	return i.Token(t, i.payload(t, now, over))
}

// seen is one call that reached a backend.
type seen struct {
	procedure string
	call      tenant.Call
	request   proto.Message
	trace     string // the id of the trace that it belongs to
}

// backends implement every contract: what is not set answers an empty message.
type backends struct {
	mu      sync.Mutex
	answers map[string]func(context.Context, proto.Message) (proto.Message, error)
	watched map[string]chan *syncenginev1.RunProgress // by run; others have ended already
	calls   []seen
}

func newBackends() *backends {
	return &backends{answers: map[string]func(context.Context, proto.Message) (proto.Message, error){}}
}

// on sets what a method answers.
func (b *backends) on(procedure string, f func(context.Context, proto.Message) (proto.Message, error)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers[procedure] = f
}

// of gives the calls of a method so far.
func (b *backends) of(procedure string) []seen {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []seen
	for _, c := range b.calls {
		if c.procedure == procedure {
			out = append(out, c)
		}
	}
	return out
}

// count is how many calls reached any backend.
func (b *backends) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.calls)
}

// forget drops the calls so far.
func (b *backends) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = nil
}

func (b *backends) serve(ctx context.Context, procedure string, request proto.Message, output protoreflect.MessageType) (proto.Message, error) {
	call, _ := tenant.Lookup(ctx)
	b.mu.Lock()
	b.calls = append(b.calls, seen{
		procedure: procedure, call: call, request: request, trace: trace.SpanContextFromContext(ctx).TraceID().String(),
	})
	f := b.answers[procedure]
	b.mu.Unlock()
	if f != nil {
		return f(ctx, request)
	}
	return output.New().Interface(), nil
}

// orchestration is the contract of the worker, and of every outbox.
const orchestration protoreflect.FullName = "entrasync.orchestration.v1"

// register adds every service of a contract, by its descriptor, and the outbox of one that has one.
func (b *backends) register(r grpc.ServiceRegistrar, pkg protoreflect.FullName) {
	protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			b.add(r, file.Services().Get(i))
		}
		return true
	})
	if pkg != orchestration && pkg != "entrasync.discovery.v1" {
		b.add(r, orchestrationv1.File_entrasync_orchestration_v1_effect_proto.Services().ByName("EffectService"))
	}
}

func (b *backends) add(r grpc.ServiceRegistrar, service protoreflect.ServiceDescriptor) {
	desc := &grpc.ServiceDesc{ServiceName: string(service.FullName()), HandlerType: (*any)(nil)}
	for j := range service.Methods().Len() {
		if m := service.Methods().Get(j); !m.IsStreamingServer() {
			desc.Methods = append(desc.Methods, b.method(m))
		} else if m.Name() == "WatchRun" {
			desc.Streams = append(desc.Streams, grpc.StreamDesc{StreamName: string(m.Name()), Handler: b.watch, ServerStreams: true})
		}
	}
	r.RegisterService(desc, b)
}

// watch plays the engine that is asked for the progress of a run.
func (b *backends) watch(_ any, stream grpc.ServerStream) error {
	request := &syncenginev1.WatchRunRequest{}
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	call, _ := tenant.Lookup(stream.Context())
	b.mu.Lock()
	b.calls = append(b.calls, seen{procedure: syncenginev1.ProgressInternalService_WatchRun_FullMethodName, call: call, request: request})
	progress := b.watched[request.GetRunId()]
	b.mu.Unlock()
	if progress == nil {
		if request.GetRunId() == "unknown" {
			return errs.New(errs.NotFound, "not_found", "It was not found.")
		}
		return stream.SendMsg(&syncenginev1.WatchRunResponse{Progress: &syncenginev1.RunProgress{RunId: request.GetRunId(), State: "completed"}})
	}
	for {
		select {
		case p, ok := <-progress:
			if !ok {
				return nil
			}
			if err := stream.SendMsg(&syncenginev1.WatchRunResponse{Progress: p}); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

// watching lets a test say how far a run has come.
func (b *backends) watching(run string) chan<- *syncenginev1.RunProgress {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.watched == nil {
		b.watched = map[string]chan *syncenginev1.RunProgress{}
	}
	b.watched[run] = make(chan *syncenginev1.RunProgress, 10)
	return b.watched[run]
}

func (b *backends) method(m protoreflect.MethodDescriptor) grpc.MethodDesc {
	procedure := "/" + string(m.Parent().FullName()) + "/" + string(m.Name())
	input, _ := protoregistry.GlobalTypes.FindMessageByName(m.Input().FullName())
	output, _ := protoregistry.GlobalTypes.FindMessageByName(m.Output().FullName())
	return grpc.MethodDesc{MethodName: string(m.Name()), Handler: func(_ any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		request := input.New().Interface()
		if err := dec(request); err != nil {
			return nil, err
		}
		return interceptor(ctx, request, &grpc.UnaryServerInfo{FullMethod: procedure}, func(ctx context.Context, request any) (any, error) {
			return b.serve(ctx, procedure, request.(proto.Message), output)
		})
	}}
}

// compact removes the spaces that protojson varies.
func compact(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Compact(&out, []byte(text)))
	return out.String()
}
