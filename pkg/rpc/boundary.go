package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// requestKey is the metadata key of the request's id, which joins the logs of
// all services it passes.
const requestKey = "x-request-id"

var requestPattern = regexp.MustCompile(`\A[A-Za-z0-9_.:-]{1,128}\z`)

type requestIDKey struct{}

// WithRequestID sets the id that calls made with ctx carry. The edge makes it; a
// malformed one is replaced.
func WithRequestID(ctx context.Context, id string) context.Context {
	if !requestPattern.MatchString(id) {
		id = uuid.NewString()
	}
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID is the id of the request being served, "" outside one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// boundary is the outermost layer of a server: it turns errors into statuses
// and logs, once, what a status hides.
type boundary struct {
	seconds *prometheus.HistogramVec
}

func newBoundary(registry prometheus.Registerer) *boundary {
	b := &boundary{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "rpc_server_seconds", Help: "Time to serve a call, by method and code.",
		Buckets: []float64{.005, .02, .1, .5, 2, 10, 60, 600, 3600},
	}, []string{"method", "code"})}
	if registry != nil {
		registry.MustRegister(b.seconds)
	}
	return b
}

func (b *boundary) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	ctx = withIncomingRequestID(ctx)
	start := time.Now()
	defer func() {
		if v := recover(); v != nil {
			resp, err = nil, panicked(v)
		}
		err = b.leave(ctx, info.FullMethod, start, err)
	}()
	return handler(ctx, req)
}

func (b *boundary) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	ctx := withIncomingRequestID(stream.Context())
	start := time.Now()
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
		err = b.leave(ctx, info.FullMethod, start, err)
	}()
	return handler(srv, &streamWith{ServerStream: stream, ctx: ctx})
}

// leave logs what the caller will not see and returns what it may see.
func (b *boundary) leave(ctx context.Context, method string, start time.Time, err error) error {
	answer := ToStatus(err)
	b.seconds.WithLabelValues(method, answer.Code().String()).Observe(time.Since(start).Seconds())
	if err == nil {
		return nil
	}
	level := slog.LevelDebug
	told := Normalise(err)
	switch kind := told.Kind(); {
	case fromPeer(err): // the peer logged it
	case errors.Is(ctx.Err(), context.Canceled) && ownStatus(err): // the caller left while something was sent
	case kind != errs.Internal && told.RetryAfter() > 0: // nothing is broken: the caller should retry later
	case kind == errs.Internal:
		level = slog.LevelError
	case kind == errs.Unavailable || kind == errs.Deadline:
		level = slog.LevelWarn
	}
	slog.Log(ctx, level, "call failed", "method", method, "request", RequestID(ctx), "code", answer.Code().String(), "error", err)
	return answer.Err()
}

// ownStatus reports an error that the library made of a broken stream.
func ownStatus(err error) bool {
	_, ours := errors.AsType[*errs.Error](err)
	_, made := status.FromError(err)
	return made && !ours
}

func panicked(v any) error {
	return errs.Of(reason.Internal, errs.WithCause(fmt.Errorf("panic: %v\n%s", v, debug.Stack())))
}

func withIncomingRequestID(ctx context.Context) context.Context {
	incoming, _ := metadata.FromIncomingContext(ctx)
	id := ""
	if ids := incoming.Get(requestKey); len(ids) == 1 {
		id = ids[0]
	}
	return WithRequestID(ctx, id)
}
