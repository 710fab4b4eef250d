// Package http is the HTTP face of the gateway: one port for REST, Connect,
// gRPC and the few handlers that are no method of a contract.
package http

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

var requestID = regexp.MustCompile(`\A[A-Za-z0-9_.:-]{1,128}\z`)

// Adapter serves requests of the public methods in one or more protocols.
type Adapter interface {
	Serve(w http.ResponseWriter, r *http.Request, in *access.Request)
}

// RPC is the adapter of the protocols whose paths are the methods' names.
type RPC interface {
	Adapter

	// Serves reports whether a path is one of the methods'.
	Serves(path string) bool
}

// Front routes requests.
type Front struct {
	rpc       RPC
	rest      Adapter
	handlers  []Handler
	elsewhere Handle // nil: nothing
	proxies   Proxies
	origins   *http.CrossOriginProtection
	now       func() time.Time
}

// New makes the front; own is the gateway's address as browsers see it.
func New(rpc RPC, rest Adapter, handlers []Handler, proxies Proxies, own string, now func() time.Time) (*Front, error) {
	f := &Front{rpc: rpc, rest: rest, handlers: handlers, proxies: proxies, origins: http.NewCrossOriginProtection(), now: now}
	address, err := url.Parse(own)
	if err != nil || address.Host == "" {
		return nil, fmt.Errorf("the public address %q is no URL", own)
	}
	for _, h := range handlers {
		if h.Path == Elsewhere {
			f.elsewhere = h.Serve
		}
	}
	return f, f.origins.AddTrustedOrigin(address.Scheme + "://" + address.Host)
}

// ServeHTTP serves one request.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := f.now()
	id := r.Header.Get("X-Request-Id")
	if !requestID.MatchString(id) {
		id = uuid.NewString()
	}
	in := newRequest(r, id, f.proxies.Client(r), w.Header(), f.origins)
	ctx := rpc.WithRequestID(r.Context(), id)
	r = r.WithContext(ctx)
	r.Body = limitBody(w, r.Body, access.LargestBody+access.Frame, in)
	secure(w.Header(), id)
	recorder := &recorder{ResponseWriter: w}
	defer func() {
		if v := recover(); v != nil {
			f.panicked(ctx, recorder, r, in, v)
		}
		f.log(ctx, recorder, r, in, f.now().Sub(start))
	}()
	f.route(recorder, r, in)
}

func (f *Front) route(w http.ResponseWriter, r *http.Request, in *access.Request) {
	var allowed []string
	for _, h := range f.handlers {
		if h.Path == Elsewhere || !Fits(h.Path, r.URL.Path) {
			continue
		}
		// Only what is open to anyone merely shows something; the callback acts, and
		// a HEAD must not.
		if h.Verb == r.Method || (h.Open != "" && h.Verb == http.MethodGet && r.Method == http.MethodHead) {
			in.Procedure = h.Path
			h.Serve(w, r, in)
			return
		}
		allowed = append(allowed, h.Verb)
	}
	switch {
	case len(allowed) > 0:
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		WriteProblem(w, r, in, MethodNotAllowed())
	case strings.HasPrefix(r.URL.Path, "/api/"):
		traced(f.rest, w, r, in)
	case f.rpc.Serves(r.URL.Path):
		traced(f.rpc, w, r, in)
	case f.elsewhere != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		in.Procedure = Elsewhere
		f.elsewhere(w, r, in)
	default:
		WriteProblem(w, r, in, NotFound())
	}
}

// traced serves a request within a span that goes on from the caller's trace.
func traced(a Adapter, w http.ResponseWriter, r *http.Request, in *access.Request) {
	ctx := otel.GetTextMapPropagator().Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := otel.Tracer("gateway").Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
	defer func() {
		if in.Procedure != "" {
			span.SetName(strings.TrimPrefix(in.Procedure, "/"))
		}
		if in.Code != "" {
			span.SetStatus(codes.Error, in.Code)
		}
		span.End()
	}()
	a.Serve(w, r.WithContext(ctx), in)
}

// secure sets what every answer carries; pages loosen it for themselves.
func secure(h http.Header, id string) {
	h.Set("X-Request-Id", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

func (f *Front) panicked(ctx context.Context, w *recorder, r *http.Request, in *access.Request, v any) {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	slog.ErrorContext(ctx, "panic", "request", in.ID, "value", v, "stack", string(debug.Stack()))
	if w.status == 0 {
		WriteProblem(w, r, in, errs.Of(reason.Internal))
	}
}

// log writes the access log: no query, no header, no name, no address.
func (f *Front) log(ctx context.Context, w *recorder, r *http.Request, in *access.Request, took time.Duration) {
	route := in.Procedure
	if route == "" {
		route = "-"
	}
	attrs := []any{
		"method", r.Method, "route", route, "status", w.status, "bytes", w.written,
		"took", took.Round(time.Millisecond).String(), "proto", r.Proto, "request", in.ID,
	}
	if in.Tenant != "" {
		attrs = append(attrs, "tenant", in.Tenant)
	}
	if in.Code != "" {
		attrs = append(attrs, "code", in.Code)
	}
	slog.InfoContext(ctx, "request", attrs...)
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status  int
	written int64
}

// WriteHeader remembers the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write counts bytes.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.written += int64(n)
	return n, err
}

// Flush sends what was written; streams need it.
func (r *recorder) Flush() {
	if flusher, ok := r.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
}

// Unwrap gives the writer to http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
