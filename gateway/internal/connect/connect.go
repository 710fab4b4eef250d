// Package connect serves the public methods over Connect, gRPC and gRPC-Web.
package connect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/grpcreflect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/pkg/errs"
)

// Server serves the methods of a core.
type Server struct {
	core     *core.Core
	mux      *http.ServeMux
	services map[string]bool // also reflection
}

// New makes a server; reflection lets anyone list the methods.
func New(c *core.Core, methods []access.Method, reflection bool) (*Server, error) {
	s := &Server{core: c, mux: http.NewServeMux(), services: map[string]bool{}}
	server, limits := connect.NewServer(), map[string]int64{}
	for _, m := range methods {
		input, err := protoregistry.GlobalTypes.FindMessageByName(m.Descriptor.Input().FullName())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Procedure, err)
		}
		server.Register(connect.Method{
			Spec:    connect.Spec{StreamType: connect.StreamTypeUnary, Schema: m.Descriptor, Procedure: m.Procedure},
			Handler: s.handler(m, input),
		})
		limits[m.Procedure] = m.MaxBody()
	}
	if reflection {
		grpcreflect.Register(server)
	}
	for spec := range server.Specs() {
		service, _, _ := strings.Cut(strings.TrimPrefix(spec.Procedure, "/"), "/")
		s.services[service] = true
	}
	connecthttp.Mount(s.mux, server, connecthttp.WithCodecs(codecs()...),
		connecthttp.WithConditionalOptions(func(spec connect.Spec) []connecthttp.Option {
			limit, ok := limits[spec.Procedure]
			if !ok { // reflection
				limit = access.Method{}.MaxBody()
			}
			return []connecthttp.Option{
				connecthttp.WithReadMaxBytes(int(limit)), connecthttp.WithCompressors(NewGzip(limit)),
			}
		}))
	return s, nil
}

// Serves reports whether a path is one of the methods'.
func (s *Server) Serves(path string) bool {
	service, _, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return ok && s.services[service]
}

// exchange is one request on its way through Connect's library, from Serve to handler
// and to the codec, and nowhere else.
type exchange struct {
	in      *access.Request
	call    *core.Call // nil until it is let through
	refused error      // why it got no place, which the library would take for a mistake of the caller
}

type exchangeKey struct{}

// Serve serves one request.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, in *access.Request) {
	s.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, &exchange{in: in})))
}

// handler makes one call.
func (s *Server) handler(m access.Method, input protoreflect.MessageType) connect.ServerFunc {
	return func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
		x, ok := ctx.Value(exchangeKey{}).(*exchange)
		if !ok {
			return connect.NewError(connect.CodeInternal, "no request")
		}
		call, err := s.core.Admit(ctx, m.Procedure, x.in)
		if err != nil {
			return toConnect(core.Public(err))
		}
		defer call.Done()
		x.call = call
		answer, err := call.Serve(ctx, func() (proto.Message, error) {
			request := input.New().Interface()
			if err := stream.Receive(request); err != nil {
				return nil, unread(x, err)
			}
			return request, nil
		})
		if err != nil {
			return toConnect(core.Public(err))
		}
		return stream.Send(answer)
	}
}

// unread says why a request could not be read.
func unread(x *exchange, err error) error {
	if x.in.TooLarge.Load() {
		return core.TooLarge()
	}
	if x.refused != nil {
		return x.refused
	}
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e
	}
	if ce, ok := errors.AsType[*connect.Error](err); ok {
		return fromConnect(ce)
	}
	return core.Undecodable(err)
}
