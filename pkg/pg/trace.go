package pg

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

const scope = "github.com/entrasync/entrasync/pkg/pg"

// tracer starts a span for every statement that runs inside a trace. It records
// the statement's name, never its text or arguments.
type tracer struct{}

func (tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	name := StatementName(data.SQL)
	ctx, _ = otel.Tracer(scope).Start(ctx, "sql "+name, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.system.name", "postgresql"), attribute.String("db.operation.name", name)))
	return ctx
}

func (tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	if data.Err != nil {
		span.SetStatus(codes.Error, "statement failed")
	}
	span.SetAttributes(attribute.Int64("db.response.returned_rows", data.CommandTag.RowsAffected()))
	span.End()
}

// StatementName is the name that a query of a .sql file has ("-- name: Get :one"),
// or the first word of any other statement.
func StatementName(sql string) string {
	words := strings.Fields(sql[:min(len(sql), 200)])
	for i, word := range words {
		if word == "name:" && i+1 < len(words) {
			return words[i+1]
		}
	}
	if len(words) == 0 {
		return "empty"
	}
	return strings.ToUpper(strings.TrimRight(words[0], ";"))
}
