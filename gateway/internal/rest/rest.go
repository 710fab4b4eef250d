// Package rest serves the REST routes of the contracts: grpc-gateway's generated
// handlers in front of the edge, called in process.
package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/decode"
	"github.com/entrasync/entrasync/gateway/internal/edge"
	"github.com/entrasync/entrasync/gateway/internal/inbound"
	"github.com/entrasync/entrasync/gateway/internal/policy"
	"github.com/entrasync/entrasync/gateway/internal/problem"
	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// register mounts the generated handlers of every public service. A test holds
// it against the contracts. One that is not offered is mounted where its methods
// are.
func register(ctx context.Context, mux *runtime.ServeMux, conn grpc.ClientConnInterface, methods map[string]policy.Method) error {
	if _, ok := methods[connectionv1.CippService_SaveCipp_FullMethodName]; ok {
		if err := connectionv1.RegisterCippServiceHandlerClient(ctx, mux, connectionv1.NewCippServiceClient(conn)); err != nil {
			return err
		}
	}
	return errors.Join(
		connectionv1.RegisterConnectionServiceHandlerClient(ctx, mux, connectionv1.NewConnectionServiceClient(conn)),
		discoveryv1.RegisterDiscoveryServiceHandlerClient(ctx, mux, discoveryv1.NewDiscoveryServiceClient(conn)),
		mappingv1.RegisterMappingServiceHandlerClient(ctx, mux, mappingv1.NewMappingServiceClient(conn)),
		mappingv1.RegisterClientServiceHandlerClient(ctx, mux, mappingv1.NewClientServiceClient(conn)),
		syncenginev1.RegisterRunServiceHandlerClient(ctx, mux, syncenginev1.NewRunServiceClient(conn)),
		syncenginev1.RegisterContactServiceHandlerClient(ctx, mux, syncenginev1.NewContactServiceClient(conn)),
		reconciliationv1.RegisterReconciliationServiceHandlerClient(ctx, mux, reconciliationv1.NewReconciliationServiceClient(conn)),
		orchestrationv1.RegisterOrchestrationServiceHandlerClient(ctx, mux, orchestrationv1.NewOrchestrationServiceClient(conn)),
		gatewayv1.RegisterStatusServiceHandlerClient(ctx, mux, gatewayv1.NewStatusServiceClient(conn)),
		gatewayv1.RegisterFeatureFlagServiceHandlerClient(ctx, mux, gatewayv1.NewFeatureFlagServiceClient(conn)),
		gatewayv1.RegisterPlatformFlagServiceHandlerClient(ctx, mux, gatewayv1.NewPlatformFlagServiceClient(conn)),
		gatewayv1.RegisterAuditServiceHandlerClient(ctx, mux, gatewayv1.NewAuditServiceClient(conn)),
	)
}

// New makes the handler of all REST routes.
func New(ctx context.Context, e *edge.Edge, methods []policy.Method) (http.Handler, error) {
	s := &server{edge: e, conn: e.InProcess(), methods: map[string]policy.Method{}, routes: map[string]policy.Method{}, all: methods}
	for _, m := range methods {
		s.methods[m.Procedure] = m
		s.routes[m.Verb+" "+m.Path] = m
	}
	none := func(string) (string, bool) { return "", false }
	mux := runtime.NewServeMux(
		runtime.WithMiddlewares(s.admitted),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, newMarshaler()),
		runtime.WithMarshalerOption(csvType, &tables{newMarshaler()}),
		runtime.WithErrorHandler(s.failed),
		runtime.WithRoutingErrorHandler(s.unrouted),
		runtime.WithForwardResponseOption(s.succeeded),
		runtime.WithIncomingHeaderMatcher(none),
		runtime.WithOutgoingHeaderMatcher(none),
		runtime.WithMetadata(func(context.Context, *http.Request) metadata.MD { return nil }),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
	)
	if err := register(ctx, mux, s, s.methods); err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Grpc-Timeout") // deadlines are ours
		negotiate(r)
		mux.ServeHTTP(w, r)
	}), nil
}

type server struct {
	edge    *edge.Edge
	conn    *edge.Conn
	methods map[string]policy.Method // by procedure
	routes  map[string]policy.Method // by HTTP method and template: "GET /api/clients/{id}"
	all     []policy.Method
}

// admitted runs the checks before a generated handler reads the body: decoding
// takes much memory, and who may not call must not make us spend it.
func (s *server) admitted(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
		pattern, _ := runtime.HTTPPattern(r.Context()) // without one no method fits, and nobody may call
		// The pattern writes a variable of one segment as {id=*}.
		m := s.routes[r.Method+" "+strings.ReplaceAll(pattern.String(), "=*}", "}")]
		ctx, done, err := s.edge.Admit(r.Context(), m.Procedure)
		defer done()
		if err == nil {
			err = cmp.Or(wrongMedia(m, r), wrongPath(m, params))
		}
		if err == nil {
			err = readBody(w, r, m)
		}
		if err != nil {
			problem.Write(w, r, edge.Public(s.conn.Refuse(ctx, m.Procedure, edge.Public(err))))
			return
		}
		next(w, r.WithContext(ctx), params)
	}
}

// Invoke passes a decoded request on, unless its address says what the method
// does not know.
func (s *server) Invoke(ctx context.Context, procedure string, args, reply any, opts ...grpc.CallOption) error {
	if e := s.unknownQuery(ctx, procedure); e != nil {
		return s.conn.Refuse(ctx, procedure, e)
	}
	if err := withQuery(ctx, s.methods[procedure], args); err != nil {
		return s.conn.Refuse(ctx, procedure, s.inJSONNames(procedure, edge.Public(err)))
	}
	return s.conn.Invoke(ctx, procedure, args, reply, opts...)
}

// NewStream refuses: no public method streams.
func (s *server) NewStream(ctx context.Context, desc *grpc.StreamDesc, procedure string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return s.conn.NewStream(ctx, desc, procedure, opts...)
}

// unknownQuery refuses query parameters that are no field: a misspelt filter
// must not list everything.
func (s *server) unknownQuery(ctx context.Context, procedure string) *errs.Error {
	m, ok := s.methods[procedure]
	if !ok {
		return nil
	}
	var violations []errs.Violation
	for name, values := range inbound.From(ctx).Query {
		first, _, _ := strings.Cut(name, ".")
		fields := m.Descriptor.Input().Fields()
		field := fields.ByJSONName(first)
		if field == nil {
			field = fields.ByName(protoreflect.Name(first))
		}
		switch {
		case !utf8.ValidString(name) || slices.ContainsFunc(values, notText):
			violations = append(violations, errs.Violation{Field: name, Message: "is not valid UTF-8"})
		case field == nil || (m.Body == "*" && (!tableRequest(ctx, m) || field == policy.Table(m.Descriptor.Input()))):
			violations = append(violations, errs.Violation{Field: name, Message: "is not a parameter of this request"})
		case strings.Contains(m.Path, "{"+string(field.Name())+"}"):
			violations = append(violations, errs.Violation{Field: name, Message: "is taken from the path"})
		}
	}
	if len(violations) == 0 {
		return nil
	}
	slices.SortFunc(violations, func(a, b errs.Violation) int { return strings.Compare(a.Field, b.Field) })
	return errs.New(errs.Invalid, "invalid_argument", "The request is not valid.", errs.WithViolations(violations...))
}

// failed answers with an error. One that is not the edge's own comes from
// grpc-gateway, which decodes before it calls: the call is then made all the same,
// so that it is logged, counted and audited as every other.
func (s *server) failed(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	public, ok := errors.AsType[*errs.Error](err)
	if !ok {
		public = edge.Public(err)
		var httpError *runtime.HTTPStatusError
		if status.Code(err) == codes.InvalidArgument || errors.As(err, &httpError) {
			public = decode.Undecodable(err)
			if procedure, ok := runtime.RPCMethod(ctx); ok {
				public = s.inJSONNames(procedure, public)
				public = edge.Public(s.conn.Refuse(ctx, procedure, public))
			}
		}
	}
	problem.Write(w, r, public)
}

// inJSONNames renames fields that grpc-gateway named as the proto file does.
func (s *server) inJSONNames(procedure string, e *errs.Error) *errs.Error {
	m, ok := s.methods[procedure]
	if !ok || len(e.Violations()) == 0 {
		return e
	}
	violations := e.Violations()
	for i, v := range violations {
		if field := m.Descriptor.Input().Fields().ByName(protoreflect.Name(v.Field)); field != nil {
			violations[i].Field = field.JSONName()
		}
	}
	return errs.Wrap(e, e.Kind(), e.Reason(), e.Public(), errs.WithViolations(violations...))
}

// unrouted answers where no route fits.
func (s *server) unrouted(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
	if code == http.StatusBadRequest {
		problem.Write(w, r, decode.Undecodable(errors.New("malformed path")))
		return
	}
	if allowed := s.verbs(r.URL.Path); len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		problem.Write(w, r, problem.MethodNotAllowed())
		return
	}
	problem.Write(w, r, problem.NotFound())
}

// verbs are the HTTP methods that a path takes.
func (s *server) verbs(path string) []string {
	var out []string
	for _, m := range s.all {
		if fits(m.Path, path) && !slices.Contains(out, m.Verb) {
			out = append(out, m.Verb)
		}
	}
	slices.Sort(out)
	return out
}

// fits compares a path with a template whose variables are whole segments.
func fits(template, path string) bool {
	want, have := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] != have[i] && (!strings.HasPrefix(want[i], "{") || have[i] == "") {
			return false
		}
	}
	return true
}

// succeeded sets the status that the method's rule asks for, and the headers of
// a table.
func (s *server) succeeded(ctx context.Context, w http.ResponseWriter, answer proto.Message) error {
	procedure, _ := runtime.RPCMethod(ctx)
	describeTable(w, s.methods[procedure], answer)
	if code := s.methods[procedure].Rule.GetSuccessStatus(); code != 0 {
		w.WriteHeader(int(code))
	}
	return nil
}

// marshaler is the edge's JSON setting for grpc-gateway. A body is one JSON
// value and nothing after it.
type marshaler struct{ runtime.JSONPb }

func newMarshaler() *marshaler {
	return &marshaler{runtime.JSONPb{MarshalOptions: edge.MarshalJSON}}
}

// NewDecoder reads the whole body as one value.
func (m *marshaler) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		raw, err := bytesOf(r)
		if err != nil || len(raw) == 0 {
			return cmp.Or(err, io.EOF) // no body: every field has its default
		}
		message, ok := v.(proto.Message)
		if !ok {
			return json.Unmarshal(raw, v)
		}
		return decode.UnmarshalJSON.Unmarshal(raw, message)
	})
}
