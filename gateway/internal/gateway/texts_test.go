package gateway_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/gateway"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	reasons "github.com/entrasync/entrasync/proto/entrasync/reason"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// inside is what no text for people holds: words of transports, SQLSTATEs, Go
// types, addresses of our parts and paths of files.
var inside = regexp.MustCompile(`(?i:rpc error|\bpeer\b|desc =|sqlstate|goroutine|panic|secret-text)` +
	`|\b(?:0[18]|2[2358]|4[02]|5[3578]|XX)[0-9A-Z]{3}\b` +
	`|\*?\b[a-z][a-z0-9]*\.[A-Z]\w+` +
	`|\b[\w-]+(?:\.[\w-]+)*:\d{2,5}\b` +
	`|(?:^|[\s"'(])/(?:[\w.-]+/)+[\w.-]+|\.go\b`)

// errInternals are texts as our own parts write them, none of which may come out.
var errInternals = errors.New(`secret-text: from a peer: rpc error: code = Unknown desc = ERROR: duplicate key (SQLSTATE 23505) ` +
	`*pgconn.PgError dial tcp 127.0.0.1:5433: connect: refused /srv/app/internal/store.go:17`)

func TestInsideIsFound(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"from a peer", "rpc error: x", "x desc = y", "SQLSTATE x", "code 23505", "*errs.Error", "pgconn.PgError", "127.0.0.1:5433",
		"mapping.svc:7103", "at /srv/app/store", "store.go",
	} {
		require.Regexp(t, inside, text)
	}
	for _, text := range []string{
		"value length must be at most 16384 characters", "Directory.Read.All is missing.", "There is no such client.",
		"value does not match regex pattern `^[A-Za-z0-9_-]{1,64}$`", "The app's own tenant: contoso.example", "must be 1 to 255",
	} {
		require.NotRegexp(t, inside, text)
	}
}

// TestNobodyReadsAPattern: what a value must be is said in words, for every field that has a pattern.
func TestNobodyReadsAPattern(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	refused := b.as(b.admin("t1"), "PUT", "/api/integrations/entra/credentials", `{"clientId":"my app","clientSecret":"s"}`)
	require.Equal(t, 400, refused.status, refused.body)
	wrong := refused.problem(t).Violations
	require.Len(t, wrong, 1)
	require.Equal(t, "clientId", wrong[0].Field)
	require.Equal(t, "must be the application (client) id, as Microsoft shows it", wrong[0].Message)

	patterns, seen := 0, map[protoreflect.FullName]bool{}
	var walk func(of protoreflect.MessageDescriptor)
	walk = func(of protoreflect.MessageDescriptor) {
		if seen[of.FullName()] {
			return
		}
		seen[of.FullName()] = true
		for i := range of.Fields().Len() {
			field := of.Fields().Get(i)
			if field.Message() != nil {
				walk(field.Message())
			}
			rules := proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules)
			if rules.GetString().GetPattern()+rules.GetRepeated().GetItems().GetString().GetPattern() != "" {
				patterns++
				require.NotEmpty(t, proto.GetExtension(field.Options(), policyv1.E_Form), field.FullName())
			}
		}
	}
	for _, m := range methods(t) {
		walk(m.Descriptor.Input())
	}
	require.NotZero(t, patterns)
}

// texts are all that a person may read of an answer.
func texts(t *testing.T, contentType, body string) (out []string) {
	t.Helper()
	if contentType == "application/problem+json" {
		var p struct {
			Title, Detail string
			Violations    []struct{ Field, Message string }
		}
		require.NoError(t, json.Unmarshal([]byte(body), &p), body)
		require.NotEmpty(t, p.Detail)
		out = append(out, p.Title, p.Detail)
		for _, v := range p.Violations {
			out = append(out, v.Message)
		}
		return out
	}
	var e struct {
		Message string
		Details []struct{ Type, Value string }
	}
	require.NoError(t, json.Unmarshal([]byte(body), &e), body)
	require.NotEmpty(t, e.Message)
	out = append(out, e.Message)
	for _, d := range e.Details {
		if d.Type == "google.rpc.BadRequest" {
			raw, err := base64.RawStdEncoding.DecodeString(d.Value)
			require.NoError(t, err)
			var bad errdetails.BadRequest
			require.NoError(t, proto.Unmarshal(raw, &bad))
			for _, v := range bad.GetFieldViolations() {
				out = append(out, v.GetDescription())
			}
		}
	}
	return out
}

// ask calls a route without a network before the gateway, and checks what it says
// when it refuses.
func (b *bundle) ask(t *testing.T, r route, query, body string, headers ...string) (code string) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), r.verb, r.path+query, strings.NewReader(body))
	request.RemoteAddr = "192.0.2.1:1"
	request.Header.Set("Content-Type", "application/json")
	all := append(append([]string{"Authorization", "Bearer " + b.admin("t1"), "X-Api-Key", platformKey}, r.headers...), headers...)
	for i := 0; i+1 < len(all); i += 2 {
		request.Header.Set(all[i], all[i+1])
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, request)
	if w.Code < 300 {
		return ""
	}
	for _, text := range texts(t, w.Header().Get("Content-Type"), w.Body.String()) {
		require.NotRegexp(t, inside, text, "%s: %s", r.name, w.Body.String())
	}
	return strconv.Itoa(w.Code)
}

// worst fills a message with what its rules refuse.
func worst(m protoreflect.Message, depth int) {
	for i := range m.Descriptor().Fields().Len() {
		field := m.Descriptor().Fields().Get(i)
		var value protoreflect.Value
		switch {
		case field.IsMap():
			continue
		case field.Kind() == protoreflect.MessageKind:
			if depth == 0 || strings.HasPrefix(string(field.Message().FullName()), "google.") {
				continue
			}
			if field.IsList() {
				worst(m.Mutable(field).List().AppendMutable().Message(), depth-1)
			} else {
				worst(m.Mutable(field).Message(), depth-1)
			}
			continue
		case field.Kind() == protoreflect.StringKind:
			value = protoreflect.ValueOfString("!\u00e4/" + strings.Repeat("x", 20_000))
		case field.Kind() == protoreflect.Int32Kind:
			value = protoreflect.ValueOfInt32(-7)
		case field.Kind() == protoreflect.Int64Kind:
			value = protoreflect.ValueOfInt64(-7)
		case field.Kind() == protoreflect.DoubleKind:
			value = protoreflect.ValueOfFloat64(-7)
		default:
			continue
		}
		if field.IsList() {
			m.Mutable(field).List().Append(value)
		} else {
			m.Set(field, value)
		}
	}
}

// TestNoRefusalBeforeTheMethodNamesTheInside walks every method, over REST and
// Connect, through all that refuses a request before its backend is asked.
func TestNoRefusalBeforeTheMethodNamesTheInside(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	slow := setup(t, func(p *gateway.Parts) {
		p.UserRate, p.AddressRate = access.Rate{PerSecond: 1e-9, Burst: 1}, access.Rate{PerSecond: 1e-9, Burst: 1}
	})
	community := setup(t, func(p *gateway.Parts) { p.Enterprise = false })
	refused := 0
	for _, m := range methods(t) {
		message := dynamicpb.NewMessage(m.Descriptor.Input())
		worst(message, 3)
		raw, err := protojson.Marshal(message)
		require.NoError(t, err)
		for _, r := range []route{
			{name: "REST " + m.Path, verb: m.Verb, path: variable.ReplaceAllString(m.Path, "!x"), rule: m.Rule},
			{name: "Connect " + m.Procedure, verb: http.MethodPost, path: m.Procedure, rule: m.Rule},
		} {
			for _, c := range []struct {
				query, body string
				headers     []string
			}{
				{"", string(raw), nil},
				{"", `{"rubbish`, nil},
				{"", `[]`, nil},
				{"?rubbish=1&pageSize=many", `{"rubbish":{"a":[1]}}`, nil},
				{"", `{}`, []string{"Authorization", "Bearer rubbish", "X-Api-Key", "wrong"}},
				{"", `{}`, []string{"Authorization", "Bearer " + b.portal("t1"), "X-Api-Key", ""}},
				{"", `{}`, []string{"Authorization", "Bearer " + b.reader("t2")}},
				{"", `{}`, []string{"Idempotency-Key", "ä"}},
			} {
				if b.ask(t, r, c.query, c.body, c.headers...) != "" {
					refused++
				}
			}
			slow.ask(t, r, "", `{}`, "Authorization", "Bearer rubbish", "X-Api-Key", "wrong")
			slow.ask(t, r, "", `{}`)
			community.ask(t, r, "", `{}`)
		}
	}
	require.Greater(t, refused, 8*len(methods(t)))
	b.db.Pool("gateway").Close()
	for _, r := range routes(t) {
		b.ask(t, r, "", `{}`)
	}
}

var (
	exhaustive  = flag.Bool("exhaustive", false, "let every method's backend fail in every way, not in some")
	failureSeed = flag.Uint64("failure.seed", rand.Uint64(), "chooses in which ways a method's backend fails")
)

// failuresEach is in how many ways each method's backend fails, of the forty or so that there are, where
// not in all of them.
const failuresEach = 10

// TestNoFailureOfABackendNamesTheInside walks every method through ways in which its
// backend can fail, also by what another part told it: through all of them with -exhaustive, else
// dealt out like cards, so that none is left out.
func TestNoFailureOfABackendNamesTheInside(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	net := rpctest.New(t)
	far := newBackends()
	relay := mappingv1.NewClientServiceClient(net.Dial("gateway", "mapping", net.Serve("mapping", func(r grpc.ServiceRegistrar) {
		far.register(r, "entrasync.mapping.v1")
	})))
	var failures []func(ctx context.Context) error
	for _, kind := range errs.Kinds() {
		failures = append(failures, func(context.Context) error {
			return errs.Wrap(errInternals, kind, "some_reason", "For people.", errs.WithViolation("field", "is wrong"))
		}, func(ctx context.Context) error { // read twice on its way, as some part may do
			far.on(getClient, func(context.Context, proto.Message) (proto.Message, error) {
				return nil, errs.Wrap(errInternals, kind, "some_reason", "For people.")
			})
			_, err := relay.GetClient(ctx, &mappingv1.GetClientRequest{Id: "x"})
			return rpc.FromStatus(fmt.Errorf("asking: %w", rpc.FromStatus(err)))
		})
	}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		failures = append(failures, func(context.Context) error { return status.Error(code, errInternals.Error()) })
	}
	failures = append(failures,
		func(context.Context) error { return errInternals },
		func(context.Context) error { return fmt.Errorf("%w: %w", context.DeadlineExceeded, errInternals) },
		func(context.Context) error { return fmt.Errorf("%w: %w", context.Canceled, errInternals) },
		func(context.Context) error { panic(errInternals) },
	)
	t.Logf("-failure.seed=%d", *failureSeed)
	dice := rand.New(rand.NewPCG(*failureSeed, 0)) // it chooses what is tried
	each := failuresEach
	if *exhaustive {
		each = len(failures)
	}
	var deck []int
	tried := map[int]bool{}
	for _, m := range methods(t) {
		if m.Service.Parent() == "entrasync.gateway.v1" {
			continue // answered here; see the test above
		}
		connect := route{name: m.Procedure, verb: http.MethodPost, path: m.Procedure}
		for range each {
			if len(deck) == 0 {
				deck = dice.Perm(len(failures))
			}
			i, fail := deck[0], failures[deck[0]]
			deck, tried[i] = deck[1:], true
			b.backends.on(m.Procedure, func(ctx context.Context, _ proto.Message) (proto.Message, error) { return nil, fail(ctx) })
			before := len(b.backends.of(m.Procedure))
			code := b.ask(t, connect, "", example(t, m))
			require.NotEmpty(t, code, "%s, failure %d", m.Procedure, i)
			require.Len(t, b.backends.of(m.Procedure), before+1, "%s: the backend was not asked: %s", m.Procedure, example(t, m))
			b.backends.forget()
		}
		b.ask(t, route{name: m.Path, verb: m.Verb, path: variable.ReplaceAllString(m.Path, "x")}, "", "{}")
	}
	require.Len(t, tried, len(failures))
}

// example is a request that the method's rules let through.
func example(t *testing.T, m access.Method) string {
	t.Helper()
	for name, body := range map[string]string{
		"StartSync": `{"scope":"initial"}`, "StartPreflight": `{"scope":"initial"}`, "ConfirmMappings": `{"decisions":[{"managedTenantId":"m","decision":"skip"}]}`,
		"Connect": `{"connectionType":"direct"}`, "CompleteConnect": `{"completionCode":"c"}`, "ImportMappings": `{"csv":"x"}`,
		"SetCredentials":      `{"clientId":"c","clientSecret":"s"}`,
		"SaveCipp":            `{"baseUrl":"https://cipp.example","tenantId":"contoso.example","clientId":"c","clientSecret":"s"}`,
		"BatchUpsertClients":  `{"clients":[{"externalId":"C-1","name":"n"}]}`,
		"BatchUpsertContacts": `{"contacts":[{"externalId":"P-1"}]}`,
		"DecideOrphans":       `{"managedTenantId":"m","decision":"leave"}`,
		"DismissItem":         `{"itemId":"x","reason":"known"}`,
		"UndoDecision":        `{"itemId":"x","decisionNumber":1}`,
		"PreviewDecisions":    `{"action":"dismiss"}`,
		"DecideItems":         `{"action":"resolve_new","items":[{"itemId":"x","digest":"d"}]}`,
		"ExportPerson":        `{"subject":{"email":"a@b.example"}}`,
		"ErasePerson":         `{"subject":{"contactId":"c"},"digest":"d"}`,
		"LiftErasure":         `{"erasureId":"11111111-1111-4111-8111-111111111111"}`,
		"Explain":             `{"managedTenantId":"x","userPrincipalName":"a@b.example"}`,
		"DecideHeld":          `{"runId":"r","managedTenantId":"m","decision":"approve","digest":"d"}`,
	} {
		if string(m.Descriptor.Name()) == name {
			return body
		}
	}
	return requirements(m.Descriptor.Input())
}

// requirements gives each text field a short value.
func requirements(message protoreflect.MessageDescriptor) string {
	var parts []string
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if field.Kind() == protoreflect.StringKind && !field.IsList() && strings.HasSuffix(string(field.Name()), "id") {
			parts = append(parts, strconv.Quote(field.JSONName())+`:"x"`)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// said finds the texts that the sources give to errors: those of the contract's
// reasons, what stands in the calls of errs.New, errs.Wrap and errs.WithViolation, and
// in fields called Message or Remedy.
func said(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	root := filepath.Join("..", "..", "..")
	files := token.NewFileSet()
	add := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok { // a cause, which stays inside, unless it makes a text
				f, ok := call.Fun.(*ast.SelectorExpr)
				return ok && f.Sel.Name == "Sprintf"
			}
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil && strings.Contains(text, " ") {
					out[text] = files.Position(literal.Pos()).String()
				}
			}
			return true
		})
	}
	for _, group := range reasons.All() {
		for _, r := range group.Reasons {
			out[r.Text] = "the reason " + r.Name
		}
	}
	for _, part := range []string{"services", "pkg", "gateway"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, part), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			file, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if f, ok := n.Fun.(*ast.SelectorExpr); ok {
						if pkg, ok := f.X.(*ast.Ident); ok && pkg.Name == "errs" {
							for _, arg := range n.Args {
								add(arg)
							}
						}
					}
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "Message" || key.Name == "Remedy") {
						add(n.Value)
					}
				}
				return true
			})
			return nil
		}))
	}
	return out
}

func TestNoTextInTheSourcesNamesTheInside(t *testing.T) {
	t.Parallel()
	all := said(t)
	require.Greater(t, len(all), 250)
	for text, where := range all {
		require.NotRegexp(t, inside, text, where)
	}
}

func TestOverGRPCToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn, err := grpc.NewClient(strings.TrimPrefix(b.url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+b.admin("t1")), time.Minute)
	defer cancel()
	for _, fail := range []error{
		errInternals, errs.Wrap(errInternals, errs.Precondition, "some_reason", "For people."), status.Error(codes.Unavailable, errInternals.Error()),
	} {
		b.backends.on(getClient, func(context.Context, proto.Message) (proto.Message, error) { return nil, fail })
		_, err := mappingv1.NewClientServiceClient(conn).GetClient(ctx, &mappingv1.GetClientRequest{Id: "x"})
		require.Error(t, err)
		require.NotRegexp(t, inside, status.Convert(err).Message())
	}
}

func TestAParameterThatIsGivenTwiceIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	for url, field := range map[string]string{
		"/api/integrations/entra/sync/runs?state=held&state=failed":            "state",
		"/api/integrations/entra/sync/runs?clientId=a&clientId=b":              "clientId",
		"/api/integrations/entra/settings?managedTenantId=a&managedTenantId=b": "managedTenantId",
	} {
		answer := b.as(b.admin("t1"), "GET", url, "")
		require.Equal(t, 400, answer.status, url)
		require.Contains(t, answer.body, `"field":"`+field+`","message":"is given twice"`, url)
	}
}
