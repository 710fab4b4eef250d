// Package edge serves the public methods of the contracts over Connect, gRPC and
// gRPC-Web, and in process for REST. It knows no method by name: it verifies,
// decides and forwards by what the contract says.
package edge

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/grpcreflect/v2"
	"connectrpc.com/otelconnect"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/entrasync/entrasync/gateway/internal/audit"
	"github.com/entrasync/entrasync/gateway/internal/decode"
	"github.com/entrasync/entrasync/gateway/internal/gate"
	"github.com/entrasync/entrasync/gateway/internal/idempotency"
	"github.com/entrasync/entrasync/gateway/internal/limit"
	"github.com/entrasync/entrasync/gateway/internal/policy"
)

const (
	// deadline is that of a method. It is shorter than an idempotency lease, and
	// longer than the longest answer that is waited for.
	deadline = 50 * time.Second
)

// Config is what an edge is made of.
type Config struct {
	Methods    []policy.Method
	Backends   map[protoreflect.FullName]grpc.ClientConnInterface // by service
	Gate       *gate.Gate
	Audit      *audit.Log
	Keys       *idempotency.Keys
	Bytes      *limit.Bytes // of requests being served
	Reflection bool
	Metrics    prometheus.Registerer // nil: none
	Now        func() time.Time
}

// Edge is the public methods with all checks before them.
type Edge struct {
	server    *connect.Server
	methods   map[string]policy.Method
	services  map[string]bool // those of the server, also reflection
	gate      *gate.Gate
	audit     *audit.Log
	keys      *idempotency.Keys
	bytes     *limit.Bytes
	validator protovalidate.Validator
	metrics   *prometheus.HistogramVec
	now       func() time.Time
}

// New makes an edge; an error when a method's service has no backend.
func New(config Config) (*Edge, error) {
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("preparing validation: %w", err)
	}
	traces, err := otelconnect.NewServerInterceptor(otelconnect.WithTrustRemote(), otelconnect.WithoutMetrics())
	if err != nil {
		return nil, fmt.Errorf("preparing traces: %w", err)
	}
	e := &Edge{
		methods: map[string]policy.Method{}, services: map[string]bool{}, gate: config.Gate, audit: config.Audit, keys: config.Keys, bytes: config.Bytes,
		validator: validator, now: config.Now,
	}
	if config.Metrics != nil {
		e.metrics = prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "edge_seconds", Help: "Time to serve a public method, by method and code.",
			Buckets: []float64{.005, .02, .1, .5, 2, 10, 30},
		}, []string{"method", "code"})
		config.Metrics.MustRegister(e.metrics)
	}
	e.server = connect.NewServer(traces, e.observe, e.admit)
	for _, m := range config.Methods {
		if err := e.mount(m, config.Backends[m.Service]); err != nil {
			return nil, err
		}
	}
	if config.Reflection {
		grpcreflect.Register(e.server)
	}
	for spec := range e.server.Specs() {
		service, _, _ := strings.Cut(strings.TrimPrefix(spec.Procedure, "/"), "/")
		e.services[service] = true
	}
	return e, nil
}

// mount registers one method.
func (e *Edge) mount(m policy.Method, backend grpc.ClientConnInterface) error {
	if backend == nil {
		return fmt.Errorf("%s has no backend", m.Service)
	}
	input, err := protoregistry.GlobalTypes.FindMessageByName(m.Descriptor.Input().FullName())
	if err != nil {
		return fmt.Errorf("%s: %w", m.Procedure, err)
	}
	output, err := protoregistry.GlobalTypes.FindMessageByName(m.Descriptor.Output().FullName())
	if err != nil {
		return fmt.Errorf("%s: %w", m.Procedure, err)
	}
	e.methods[m.Procedure] = m
	e.server.Register(connect.Method{
		Spec:    connect.Spec{StreamType: connect.StreamTypeUnary, Schema: m.Descriptor, Procedure: m.Procedure},
		Handler: e.handler(m, backend, input, output),
	})
	return nil
}

// Handler serves Connect, gRPC and gRPC-Web.
func (e *Edge) Handler() http.Handler {
	mux := http.NewServeMux()
	connecthttp.Mount(mux, e.server,
		connecthttp.WithCodecs(codecs()...),
		connecthttp.WithConditionalOptions(func(spec connect.Spec) []connecthttp.Option {
			limit := e.methods[spec.Procedure].MaxBody()
			return []connecthttp.Option{
				connecthttp.WithReadMaxBytes(int(limit)), connecthttp.WithCompressors(decode.NewGzip(limit)),
			}
		}))
	return mux
}

// Serves reports whether a path is one of the methods', on any RPC protocol.
func (e *Edge) Serves(path string) bool {
	service, _, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !ok {
		return false
	}
	return e.services[service]
}

// Method gives the method of a procedure.
func (e *Edge) Method(procedure string) (policy.Method, bool) {
	m, ok := e.methods[procedure]
	return m, ok
}

type callerKey struct{}

func withCaller(ctx context.Context, c *gate.Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerFrom(ctx context.Context) *gate.Caller {
	c, _ := ctx.Value(callerKey{}).(*gate.Caller)
	return c
}
