package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Start makes the logger of the process, which writes to standard error, the default
// one, and starts tracing. stop sends what traces are left, also when ctx has ended.
func Start(ctx context.Context, opts LogOptions) (stop func(), err error) {
	logger, err := NewLogger(os.Stderr, opts)
	if err != nil {
		return nil, err
	}
	slog.SetDefault(logger)
	stopTracing, err := StartTracing(ctx, opts.Service)
	if err != nil {
		return nil, err
	}
	return func() {
		if err := stopTracing(context.WithoutCancel(ctx)); err != nil {
			slog.WarnContext(ctx, "sending the last traces", "error", err)
		}
	}, nil
}

// StartTracing installs the global tracer and W3C propagation. Spans are
// exported where the standard variables OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT say; without them they are made (so that
// logs carry trace ids) and dropped. The other OTEL_* variables hold as the SDK
// documents them. stop sends what is left.
func StartTracing(ctx context.Context, service string) (stop func(context.Context) error, err error) {
	otel.SetTextMapPropagator(propagation.TraceContext{}) // no baggage: a client's must not be passed on
	described, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "entrasync-"+service)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describing the process to traces: %w", err)
	}
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(described)}
	if os.Getenv("OTEL_SDK_DISABLED") != "true" &&
		(os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "") {
		exporter, err := otlptracegrpc.New(ctx)
		if err != nil {
			return nil, fmt.Errorf("starting the trace exporter: %w", err)
		}
		options = append(options, sdktrace.WithBatcher(exporter))
	}
	provider := sdktrace.NewTracerProvider(options...)
	otel.SetTracerProvider(provider)
	return provider.Shutdown, nil
}

// Metrics is a process's registry of Prometheus metrics.
type Metrics struct {
	*prometheus.Registry
}

// NewMetrics makes a registry with the metrics of the Go runtime and the
// process.
func NewMetrics() *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &Metrics{Registry: registry}
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{Registry: m.Registry})
}
