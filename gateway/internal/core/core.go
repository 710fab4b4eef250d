// Package core serves the public methods of the contracts, without a protocol.
// It knows no method by name: it verifies, decides and forwards by what the
// contract says. REST and Connect are adapters over it, so that every check runs
// once and in one body whatever the protocol.
package core

import (
	"fmt"
	"time"

	"buf.build/go/protovalidate"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/audit"
)

// deadline is that of a method. It is shorter than keyLease, and longer than the
// longest answer that is waited for.
const deadline = 50 * time.Second

// Config is what a core is made of.
type Config struct {
	Methods  []access.Method
	Backends map[protoreflect.FullName]grpc.ClientConnInterface // by service
	Gate     *access.Gate
	Audit    *audit.Log
	Keys     *Keys
	Calls    *access.Calls         // of each tenant, at once
	Bytes    *access.Bytes         // of requests being served
	Metrics  prometheus.Registerer // nil: none
	Now      func() time.Time
}

// Core is the public methods with all checks before them.
type Core struct {
	methods   map[string]method
	gate      *access.Gate
	audit     *audit.Log
	keys      *Keys
	calls     *access.Calls
	bytes     *access.Bytes
	validator protovalidate.Validator
	metrics   *prometheus.HistogramVec
	now       func() time.Time
}

// method is one public method and who serves it.
type method struct {
	access.Method

	backend grpc.ClientConnInterface
	output  protoreflect.MessageType
}

// New makes a core; an error when a method's service has no backend.
func New(config Config) (*Core, error) {
	c := &Core{
		methods: map[string]method{}, gate: config.Gate, audit: config.Audit, keys: config.Keys, calls: config.Calls, bytes: config.Bytes,
		validator: protovalidate.GlobalValidator, now: config.Now,
	}
	if config.Metrics != nil {
		c.metrics = prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "edge_seconds", Help: "Time to serve a public method, by method and code.",
			Buckets: []float64{.005, .02, .1, .5, 2, 10, 30},
		}, []string{"method", "code"})
		config.Metrics.MustRegister(c.metrics)
	}
	for _, m := range config.Methods {
		backend := config.Backends[m.Service]
		if backend == nil {
			return nil, fmt.Errorf("%s has no backend", m.Service)
		}
		output, err := protoregistry.GlobalTypes.FindMessageByName(m.Descriptor.Output().FullName())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Procedure, err)
		}
		c.methods[m.Procedure] = method{Method: m, backend: backend, output: output}
	}
	return c, nil
}
