package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const (
	// DefaultDeadline is that of a unary call whose caller set none.
	DefaultDeadline = 30 * time.Second
	// returnTime is reserved, so that the work's error reaches the caller before
	// the caller gives up.
	returnTime = 20 * time.Millisecond
	// leastTime is how much must be left for work to be worth beginning.
	leastTime = 5 * time.Millisecond
)

// trim shortens the deadline of ctx by the time to return, or refuses work that
// cannot end in time. Without a deadline it sets the default, unless that is 0.
func trim(ctx context.Context, fallback time.Duration) (context.Context, context.CancelFunc, error) {
	deadline, ok := ctx.Deadline()
	switch {
	case !ok && fallback == 0:
		return ctx, func() {}, nil
	case !ok:
		deadline = time.Now().Add(fallback)
	default:
		deadline = deadline.Add(-returnTime)
	}
	if time.Until(deadline) < leastTime {
		return nil, nil, errs.Of(reason.Deadline)
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	return ctx, cancel, nil
}

func deadlineUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, cancel, err := trim(ctx, DefaultDeadline)
	if err != nil {
		return nil, err
	}
	defer cancel()
	return handler(ctx, req)
}

func deadlineStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, cancel, err := trim(stream.Context(), 0)
	if err != nil {
		return err
	}
	defer cancel()
	return handler(srv, &streamWith{ServerStream: stream, ctx: ctx})
}
