package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"buf.build/go/protovalidate"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Connections carry streams that live for hours, so nothing ends them by age;
// pings find the dead ones.
const (
	pingEvery    = 30 * time.Second
	pingTimeout  = 20 * time.Second
	pingAtMost   = 10 * time.Second
	messageBytes = 16 << 20
)

// Server is a gRPC server that knows its callers. Services are registered on it
// as on a grpc.Server; the health service is there already.
type Server struct {
	*grpc.Server
	Health *health.Server // serving until Stop
}

type serverOptions struct {
	reflection bool
	metrics    prometheus.Registerer
}

// ServerOption adjusts a server.
type ServerOption func(*serverOptions)

// WithReflection lets any service with a certificate list the methods.
func WithReflection(on bool) ServerOption { return func(o *serverOptions) { o.reflection = on } }

// WithMetrics measures the calls served.
func WithMetrics(registry prometheus.Registerer) ServerOption {
	return func(o *serverOptions) { o.metrics = registry }
}

// NewServer makes a server that takes calls over mTLS alone and refuses each
// method to all but the callers its contract lists.
func NewServer(identity *Identity, opts ...ServerOption) *Server {
	var o serverOptions
	for _, opt := range opts {
		opt(&o)
	}
	g := &guardian{policies: &policies{reflection: o.reflection}, verifier: newVerifier(identity, time.Now)}
	outer := newBoundary(o.metrics)
	server := grpc.NewServer(
		grpc.Creds(identity.serverCredentials()),
		grpc.StatsHandler(otelgrpc.NewServerHandler()),
		grpc.ChainUnaryInterceptor(outer.unary, g.unary, deadlineUnary, validateUnary(protovalidate.GlobalValidator)),
		grpc.ChainStreamInterceptor(outer.stream, g.stream, deadlineStream, validateStream(protovalidate.GlobalValidator)),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingEvery, Timeout: pingTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingAtMost, PermitWithoutStream: true}),
		grpc.MaxRecvMsgSize(messageBytes), grpc.MaxSendMsgSize(messageBytes),
	)
	s := &Server{Server: server, Health: health.NewServer()}
	healthv1.RegisterHealthServer(server, s.Health)
	if o.reflection {
		reflection.Register(server)
	}
	return s
}

// Listen opens the address at once, so that a port in use fails the start, and
// serves on it; see On.
func (s *Server) Listen(ctx context.Context, address string) (run.Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return run.Server{}, fmt.Errorf("listening: %w", err)
	}
	slog.InfoContext(ctx, "serving", "address", listener.Addr().String())
	return s.On("grpc", listener), nil
}

// On makes it a server of a process: it serves on the listener and stops
// gracefully, cutting off what is still under way when time runs out.
func (s *Server) On(name string, listener net.Listener) run.Server {
	return run.Server{
		Name: name,
		Serve: func(context.Context) error {
			if err := CheckPolicies(s.Server); err != nil {
				return errors.Join(err, listener.Close())
			}
			if err := s.Serve(listener); !errors.Is(err, grpc.ErrServerStopped) {
				return err
			}
			return nil
		},
		Stop: func(ctx context.Context) error {
			s.Health.Shutdown() // callers look elsewhere
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				s.GracefulStop()
			}()
			select {
			case <-stopped:
				return nil
			case <-ctx.Done():
				s.Server.Stop()
				<-stopped
				slog.WarnContext(ctx, "calls were cut off", "server", name)
				return nil
			}
		},
	}
}

// guardian admits a call when its certificate and its token allow it.
type guardian struct {
	policies *policies
	verifier *verifier
}

// admit checks the caller and returns the context in which the handler works.
func (g *guardian) admit(ctx context.Context, method string) (context.Context, error) {
	caller, err := peerName(ctx)
	if err != nil {
		return nil, err
	}
	p := g.policies.of(method)
	if !p.admits(caller) {
		return nil, errs.Of(reason.CallerRefused, errs.WithMetadata("caller", caller), errs.WithMetadata("method", method))
	}
	if p.anyone {
		return ctx, nil
	}
	incoming, _ := metadata.FromIncomingContext(ctx)
	tokens := incoming.Get(contextKey)
	switch {
	case len(tokens) > 1:
		return nil, refuse(reason.ContextInvalid, errors.New("more than one"))
	case len(tokens) == 0 && !p.withoutTenant:
		return nil, errs.Of(reason.ContextMissing)
	case len(tokens) == 0:
		return ctx, nil
	}
	call, err := g.verifier.verify(tokens[0])
	if err != nil {
		return nil, err
	}
	if call.Tenant == "" && !p.withoutTenant {
		return nil, errs.Of(reason.TenantMissing)
	}
	return tenant.With(withToken(ctx, tokens[0]), call), nil
}

func (g *guardian) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, err := g.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

func (g *guardian) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, err := g.admit(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return handler(srv, &streamWith{ServerStream: stream, ctx: ctx})
}

// streamWith is a stream whose handler works in another context.
type streamWith struct {
	grpc.ServerStream
	ctx context.Context // grpc-go offers no other way
}

func (s *streamWith) Context() context.Context { return s.ctx }

// Callers lists who may call a method ("/package.Service/Method"), sorted; for
// documents and tests.
func Callers(method string) []string {
	callers := slices.Clone((&policies{}).of(method).callers)
	slices.Sort(callers)
	return callers
}
