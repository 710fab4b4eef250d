// Package rest serves the REST routes of the contracts: grpc-gateway's generated
// handlers over the core.
package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/core"
	gwhttp "github.com/entrasync/entrasync/gateway/internal/http"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Server serves the REST routes of the methods of a core.
type Server struct {
	core   *core.Core
	mux    *runtime.ServeMux
	routes map[string]access.Method // by HTTP method and template: "GET /api/clients/{id}"
	all    []access.Method
}

// New makes a server.
func New(ctx context.Context, c *core.Core, methods []access.Method) (*Server, error) {
	s := &Server{core: c, routes: map[string]access.Method{}, all: methods}
	procedures := map[string]access.Method{}
	for _, m := range methods {
		procedures[m.Procedure] = m
		s.routes[m.Verb+" "+m.Path] = m
	}
	none := func(string) (string, bool) { return "", false }
	s.mux = runtime.NewServeMux(
		runtime.WithMiddlewares(s.admitted),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, newMarshaler()),
		runtime.WithMarshalerOption(access.CSVType, &csvMarshaler{newMarshaler()}),
		runtime.WithErrorHandler(s.failed),
		runtime.WithRoutingErrorHandler(s.unrouted),
		runtime.WithForwardResponseOption(s.succeeded),
		runtime.WithIncomingHeaderMatcher(none),
		runtime.WithOutgoingHeaderMatcher(none),
		runtime.WithMetadata(func(context.Context, *http.Request) metadata.MD { return nil }),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
	)
	return s, register(ctx, s.mux, s, procedures)
}

// exchange is one request on its way through grpc-gateway's library, which hands
// nothing from the middleware to the call but the context. Nobody else sees it.
type exchange struct {
	in     *access.Request
	query  url.Values
	media  string // of the body, as its header says
	csv    bool   // the caller prefers it
	body   []byte
	method access.Method
	call   *core.Call // nil until it is let through

	ifMatch, ifNoneMatch []string // entity tags
}

type exchangeKey struct{}

// exchangeOf gives the request that a context belongs to.
func exchangeOf(ctx context.Context) *exchange {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		return &exchange{in: &access.Request{}}
	}
	return x
}

// Serve serves one request.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, in *access.Request) {
	r.Header.Del("Grpc-Timeout") // deadlines are ours
	negotiate(r)
	x := &exchange{
		in: in, query: r.URL.Query(), media: r.Header.Get("Content-Type"), csv: r.Header.Get("Accept") == access.CSVType,
		ifMatch: tagsOf(r, ifMatch), ifNoneMatch: tagsOf(r, "If-None-Match"),
	}
	s.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
}

// admitted runs the checks before a generated handler reads the body: decoding takes
// much memory, which a caller without the permission must not make us spend.
func (s *Server) admitted(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
		ctx := r.Context()
		x := exchangeOf(ctx)
		pattern, _ := runtime.HTTPPattern(ctx) // without one no method fits, and nobody may call
		// The pattern writes a variable of one segment as {id=*}.
		x.method = s.routes[r.Method+" "+strings.ReplaceAll(pattern.String(), "=*}", "}")]
		call, err := s.core.Admit(ctx, x.method.Procedure, x.in)
		if err != nil {
			gwhttp.WriteProblem(w, r, x.in, core.Public(err))
			return
		}
		defer call.Done()
		x.call = call
		if err = cmp.Or(wrongMedia(x.method, r), wrongPath(x.method, params)); err == nil {
			err = readBody(w, r, x.method)
			x.body = rawOf(r)
		}
		if err == nil {
			err = call.Enter(ctx)
		}
		if err == nil {
			err = checkBody(r, x.method)
		}
		if err != nil {
			gwhttp.WriteProblem(w, r, x.in, call.Refuse(ctx, err))
			return
		}
		next(w, r, params)
	}
}

// Invoke serves a decoded request, unless its query has parameters that the method does
// not have. Its errors are fit for the outside.
func (s *Server) Invoke(ctx context.Context, _ string, args, reply any, _ ...grpc.CallOption) error {
	x := exchangeOf(ctx)
	request, ok := args.(proto.Message)
	into, fits := reply.(proto.Message)
	if x.call == nil || !ok || !fits {
		return core.Public(errors.New("a call that was not let through"))
	}
	answer, err := x.call.Serve(ctx, func() (proto.Message, error) {
		if e := x.unknownQuery(); e != nil {
			return nil, e
		}
		askForCSV(x, request)
		return request, inJSONNames(x.method, cmp.Or(withQuery(x, request), withBodyFields(x, request), withIfMatch(x, request)))
	})
	if err != nil {
		return inBodyNames(x.method, err)
	}
	share(into, answer)
	return nil
}

// share makes an empty message the same as another, without a copy of what is in
// it.
func share(into, from proto.Message) {
	to := into.ProtoReflect()
	from.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		to.Set(field, value)
		return true
	})
}

// NewStream refuses: no public method streams.
func (s *Server) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errs.Of(reason.Unimplemented)
}

// unknownQuery refuses query parameters that are no field: a misspelt filter
// must not list everything.
func (x *exchange) unknownQuery() *errs.Error {
	m := x.method
	var violations []errs.Violation
	for name, values := range x.query {
		first, _, _ := strings.Cut(name, ".")
		fields := m.Descriptor.Input().Fields()
		field := fields.ByJSONName(first)
		if field == nil {
			field = fields.ByName(protoreflect.Name(first))
		}
		problem := notText(name)
		for _, value := range values {
			problem = cmp.Or(problem, notText(value))
		}
		switch {
		case problem != "":
			violations = append(violations, errs.Violation{Field: name, Message: problem})
		case field == nil || field == bodyField(m) || field == access.BodyFields(m.Descriptor.Input()) || (m.Body == "*" && (!x.isCSV() || field == access.CSVField(m.Descriptor.Input()))):
			violations = append(violations, errs.Violation{Field: name, Message: "is not a parameter of this request"})
		case strings.Contains(m.Path, "{"+string(field.Name())+"}"):
			violations = append(violations, errs.Violation{Field: name, Message: "is taken from the path"})
		}
	}
	if len(violations) == 0 {
		return nil
	}
	slices.SortFunc(violations, func(a, b errs.Violation) int { return strings.Compare(a.Field, b.Field) })
	return errs.Of(reason.InvalidArgument, errs.WithViolations(violations...))
}

// failed answers with an error. One that is not the core's own comes from
// grpc-gateway, which decodes before it calls: the call is then refused, so that it
// is logged, counted and audited as every other.
func (s *Server) failed(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(ctx)
	public, ok := errors.AsType[*errs.Error](err)
	if !ok {
		var httpError *runtime.HTTPStatusError
		read, _ := r.Body.(*body)
		switch {
		case read != nil && read.refused != nil:
			err = read.refused
		case status.Code(err) == codes.InvalidArgument, errors.As(err, &httpError):
			err = inJSONNames(x.method, core.Undecodable(err))
		}
		if public = core.Public(err); x.call != nil {
			public = x.call.Refuse(ctx, err)
		}
	}
	gwhttp.WriteProblem(w, r, x.in, public)
}

// inJSONNames renames fields that grpc-gateway named as the proto file does.
func inJSONNames(m access.Method, err error) error {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok || m.Descriptor == nil || len(e.Violations()) == 0 {
		return err
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
func (s *Server) unrouted(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
	in := exchangeOf(ctx).in
	if code == http.StatusBadRequest {
		gwhttp.WriteProblem(w, r, in, core.Undecodable(errors.New("malformed path")))
		return
	}
	if allowed := s.verbs(r.URL.Path); len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		gwhttp.WriteProblem(w, r, in, gwhttp.MethodNotAllowed())
		return
	}
	gwhttp.WriteProblem(w, r, in, gwhttp.NotFound())
}

// verbs are the HTTP methods that a path takes.
func (s *Server) verbs(path string) []string {
	var out []string
	for _, m := range s.all {
		if gwhttp.Fits(m.Path, path) && !slices.Contains(out, m.Verb) {
			out = append(out, m.Verb)
		}
	}
	slices.Sort(out)
	return out
}

// succeeded sets the status that the method's rule asks for, and the headers of CSV and
// of an answer with a version.
func (s *Server) succeeded(ctx context.Context, w http.ResponseWriter, answer proto.Message) error {
	x := exchangeOf(ctx)
	known, err := x.tagged(w, answer)
	if err != nil {
		return err
	}
	if known {
		w.Header().Del("Content-Type")
		w.WriteHeader(http.StatusNotModified) // and net/http sends no body after it
		return nil
	}
	describeCSV(w, x.method, answer)
	if code := x.method.Rule.GetSuccessStatus(); code != 0 {
		w.WriteHeader(int(code))
	}
	return nil
}

// marshaler is the one JSON setting for grpc-gateway. A body is one JSON
// value and nothing after it.
type marshaler struct{ runtime.JSONPb }

func newMarshaler() *marshaler {
	return &marshaler{runtime.JSONPb{MarshalOptions: core.MarshalJSON}}
}

// NewDecoder reads the whole body as one value.
func (m *marshaler) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		raw, err := bytesOf(r)
		if err != nil || len(raw) == 0 {
			return cmp.Or(err, io.EOF) // no body: every field has its default
		}
		message, ok := messageOf(v)
		if !ok {
			return json.Unmarshal(raw, v)
		}
		err = core.FillJSON(raw, message)
		if read, ok := r.(*body); ok {
			read.refused = err
		}
		return err
	})
}
