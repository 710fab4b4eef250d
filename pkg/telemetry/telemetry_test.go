package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/entrasync/entrasync/pkg/telemetry"
	"github.com/entrasync/entrasync/pkg/tenant"
)

func TestLinesSayWhatTheyBelongTo(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger, err := telemetry.NewLogger(&out, telemetry.LogOptions{Service: "mapping", Level: "info", Format: "json"})
	require.NoError(t, err)
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	ctx := trace.ContextWithSpanContext(tenant.With(t.Context(), tenant.Call{Tenant: "acme", Run: "r1", Actor: tenant.Actor{ID: "person"}}), span)
	logger.With("a", 1).InfoContext(ctx, "hello")
	logger.DebugContext(ctx, "not shown")
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	require.Equal(t, "hello", line["msg"])
	require.Equal(t, "mapping", line["service"])
	require.Equal(t, "acme", line["tenant"])
	require.Equal(t, "r1", line["run"])
	require.Equal(t, span.TraceID().String(), line["trace"])
	require.EqualValues(t, 1, line["a"])
	require.NotContains(t, out.String(), "person")
}

func TestLogOptions(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger, err := telemetry.NewLogger(&out, telemetry.LogOptions{Service: "x", Level: "debug", Format: "text"})
	require.NoError(t, err)
	logger.Debug("shown")
	require.Contains(t, out.String(), "msg=shown")
	_, err = telemetry.NewLogger(&out, telemetry.LogOptions{Level: "loud"})
	require.Error(t, err)
	_, err = telemetry.NewLogger(&out, telemetry.LogOptions{Format: "xml"})
	require.Error(t, err)
}

// TestTracing sets the process's tracer; it is not parallel.
func TestTracing(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	stop, err := telemetry.StartTracing(t.Context(), "mapping")
	require.NoError(t, err)
	ctx, span := otel.Tracer("test").Start(t.Context(), "work")
	require.True(t, trace.SpanContextFromContext(ctx).IsValid())
	span.End()
	require.Equal(t, []string{"traceparent", "tracestate"}, otel.GetTextMapPropagator().Fields(), "no baggage")
	require.NoError(t, stop(context.WithoutCancel(t.Context())))
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	metrics := telemetry.NewMetrics()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "things_total", Help: "Things."})
	metrics.MustRegister(counter)
	counter.Inc()
	recorder := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, recorder.Code)
	require.Contains(t, recorder.Body.String(), "things_total 1")
	require.Contains(t, recorder.Body.String(), "go_goroutines")
}

func TestStartRefusesWhatItDoesNotKnow(t *testing.T) {
	_, err := telemetry.Start(t.Context(), telemetry.LogOptions{Service: "x", Level: "loud"})
	require.ErrorContains(t, err, "loud")
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	ctx, end := context.WithCancel(t.Context())
	stop, err := telemetry.Start(ctx, telemetry.LogOptions{Service: "x", Level: "error"})
	require.NoError(t, err)
	require.NotSame(t, before, slog.Default())
	require.False(t, slog.Default().Enabled(ctx, slog.LevelWarn))
	_, span := otel.Tracer("test").Start(ctx, "span")
	require.True(t, span.SpanContext().IsValid())
	span.End()
	end()
	stop()
}
