// Package front is the HTTP face of the gateway: one port for REST, Connect,
// gRPC and the few handlers that are no method of a contract.
package front

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/gateway/internal/edge"
	"github.com/entrasync/entrasync/gateway/internal/inbound"
	"github.com/entrasync/entrasync/gateway/internal/policy"
	"github.com/entrasync/entrasync/gateway/internal/problem"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
)

var requestID = regexp.MustCompile(`\A[A-Za-z0-9_.:-]{1,128}\z`)

// Front routes requests.
type Front struct {
	edge     *edge.Edge
	rpc      http.Handler
	rest     http.Handler
	handlers []Handler
	proxies  inbound.Proxies
	now      func() time.Time
}

// New makes the front.
func New(e *edge.Edge, rest http.Handler, handlers []Handler, proxies inbound.Proxies, now func() time.Time) *Front {
	return &Front{edge: e, rpc: e.Handler(), rest: rest, handlers: handlers, proxies: proxies, now: now}
}

// ServeHTTP serves one request.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := f.now()
	id := r.Header.Get("X-Request-Id")
	if !requestID.MatchString(id) {
		id = uuid.NewString()
	}
	in := inbound.New(r, id, f.proxies.Client(r), w.Header())
	ctx := rpc.WithRequestID(inbound.With(r.Context(), in), id)
	r = r.WithContext(ctx)
	r.Body = inbound.Limit(w, r.Body, policy.LargestBody+inbound.Frame, in)
	secure(w.Header(), id)
	recorder := &recorder{ResponseWriter: w}
	defer func() {
		if v := recover(); v != nil {
			f.panicked(ctx, recorder, r, v)
		}
		f.log(ctx, recorder, r, in, f.now().Sub(start))
	}()
	f.route(recorder, r)
}

func (f *Front) route(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, h := range f.handlers {
		if h.Path != r.URL.Path {
			continue
		}
		// Only what is open to anyone merely shows something; the callback acts, and
		// a HEAD must not.
		if h.Verb == r.Method || (h.Open != "" && h.Verb == http.MethodGet && r.Method == http.MethodHead) {
			inbound.From(r.Context()).Procedure = h.Path
			h.Serve(w, r)
			return
		}
		allowed = append(allowed, h.Verb)
	}
	switch {
	case len(allowed) > 0:
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		problem.Write(w, r, problem.MethodNotAllowed())
	case strings.HasPrefix(r.URL.Path, "/api/"):
		f.rest.ServeHTTP(w, r)
	case f.edge.Serves(r.URL.Path):
		f.rpc.ServeHTTP(w, r)
	default:
		problem.Write(w, r, problem.NotFound())
	}
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

func (f *Front) panicked(ctx context.Context, w *recorder, r *http.Request, v any) {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	slog.ErrorContext(ctx, "panic", "request", inbound.From(ctx).ID, "value", v, "stack", string(debug.Stack()))
	if w.status == 0 {
		problem.Write(w, r, errs.New(errs.Internal, "internal", "Something went wrong on our side."))
	}
}

// log writes the access log: no query, no header, no name, no address.
func (f *Front) log(ctx context.Context, w *recorder, r *http.Request, in *inbound.Request, took time.Duration) {
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
