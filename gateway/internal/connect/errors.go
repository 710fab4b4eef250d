package connect

import (
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"

	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// fromConnect classifies what the library itself says of a request.
func fromConnect(e *connect.Error) error {
	switch e.Code() {
	case connect.CodeInvalidArgument:
		return core.Undecodable(e)
	case connect.CodeResourceExhausted:
		return core.TooLarge()
	case connect.CodeUnimplemented:
		return errs.Of(reason.Unimplemented, errs.WithCause(e))
	}
	return errs.Wrap(e, rpc.KindOfCode(codes.Code(e.Code())), "", "The request could not be served.")
}

// toConnect is a public error on the wire of Connect, gRPC and gRPC-Web.
func toConnect(e *errs.Error) *connect.Error {
	out := connect.NewError(connect.Code(rpc.Code(e.Kind())), e.Public()).WithCause(e)
	for _, message := range rpc.Details(e) {
		if detail, err := connectproto.NewErrorDetail(message); err == nil {
			if _, ok := message.(*errdetails.BadRequest); ok {
				detail.Debug = []byte(`{}`) // Connect would write it a second time, for people to read
			}
			out = out.WithDetail(detail)
		}
	}
	return out
}
