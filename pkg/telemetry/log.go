// Package telemetry sets up logs, traces and metrics of a process.
package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"github.com/entrasync/entrasync/pkg/tenant"
)

// LogOptions says how a process logs.
type LogOptions struct {
	Service string // its name, on every line
	Level   string // "debug", "info" (when empty), "warn" or "error"
	Format  string // "text" or "json" (when empty)
}

// NewLogger writes to w. Every line of a call with a context carries the tenant,
// the run and the trace it belongs to.
func NewLogger(w io.Writer, opts LogOptions) (*slog.Logger, error) {
	level := slog.LevelInfo
	if opts.Level != "" {
		if err := level.UnmarshalText([]byte(opts.Level)); err != nil {
			return nil, fmt.Errorf("log level %q: choose debug, info, warn or error", opts.Level)
		}
	}
	handlerOptions := &slog.HandlerOptions{Level: level}
	var handler slog.Handler
	switch opts.Format {
	case "", "json":
		handler = slog.NewJSONHandler(w, handlerOptions)
	case "text":
		handler = slog.NewTextHandler(w, handlerOptions)
	default:
		return nil, fmt.Errorf("log format %q: choose text or json", opts.Format)
	}
	return slog.New(contextHandler{handler}).With("service", opts.Service), nil
}

// contextHandler adds the tenant, run and trace of the context to each record.
type contextHandler struct{ slog.Handler }

func (h contextHandler) Handle(ctx context.Context, record slog.Record) error {
	if call, ok := tenant.Lookup(ctx); ok {
		if call.Tenant != "" {
			record.AddAttrs(slog.String("tenant", string(call.Tenant)))
		}
		if call.Run != "" {
			record.AddAttrs(slog.String("run", call.Run))
		}
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record.AddAttrs(slog.String("trace", span.TraceID().String()), slog.String("span", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs)}
}

func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}
