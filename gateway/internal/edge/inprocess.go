package edge

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectinprocess"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/entrasync/entrasync/gateway/internal/inbound"
	"github.com/entrasync/entrasync/pkg/errs"
)

// Conn calls the edge's methods in process, through every interceptor. REST is
// served over it.
type Conn struct {
	client *connect.Client
}

// InProcess makes a connection to the edge.
func (e *Edge) InProcess() *Conn {
	return &Conn{client: connect.NewClient(connectinprocess.New(e.server, connectinprocess.WithCopyFunc(copyMessage)))}
}

// unreadable stands for a request that REST could not decode.
type unreadable struct{ cause *errs.Error }

func copyMessage(dst, src any) error {
	if u, ok := src.(unreadable); ok {
		return u.cause
	}
	return connectinprocess.ProtoCopy(dst, src)
}

// Invoke calls a method. Its error is an errs.Error fit for the outside.
func (c *Conn) Invoke(ctx context.Context, procedure string, args, reply any, _ ...grpc.CallOption) error {
	// Of the request's headers only the trace goes on from here; what the checks
	// read is in the inbound request.
	ctx = metadata.NewOutgoingContext(ctx, metadata.MD{})
	in := inbound.From(ctx)
	ctx, info := connect.NewClientContext(ctx)
	if in.Traceparent != "" {
		info.RequestHeader().Set("Traceparent", in.Traceparent)
		info.RequestHeader().Set("Tracestate", in.Tracestate)
	}
	err := c.client.CallUnary(ctx, connect.Spec{StreamType: connect.StreamTypeUnary, Procedure: procedure}, args, reply)
	if err == nil {
		return nil
	}
	if public, ok := errors.AsType[*errs.Error](err); ok {
		return public
	}
	return Public(err)
}

// Refuse runs the checks of a method for a request that cannot be decoded: the
// first that fails is the answer, and else the cause is.
func (c *Conn) Refuse(ctx context.Context, procedure string, cause *errs.Error) error {
	return c.Invoke(ctx, procedure, unreadable{cause}, nil)
}

// NewStream refuses: no public method streams.
func (c *Conn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errs.New(errs.Unimplemented, "unimplemented", "This is not available.")
}
