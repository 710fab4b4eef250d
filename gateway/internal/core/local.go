package core

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Local serves the gateway's own services as if they were a backend. Services
// are registered on it as on a grpc.Server.
type Local struct {
	methods map[string]localMethod
}

type localMethod struct {
	implementation any
	handler        grpc.MethodHandler
}

// RegisterService adds a service.
func (l *Local) RegisterService(desc *grpc.ServiceDesc, implementation any) {
	if l.methods == nil {
		l.methods = map[string]localMethod{}
	}
	for _, m := range desc.Methods {
		l.methods["/"+desc.ServiceName+"/"+m.MethodName] = localMethod{implementation: implementation, handler: m.Handler}
	}
}

// Invoke calls a method.
func (l *Local) Invoke(ctx context.Context, procedure string, args, reply any, _ ...grpc.CallOption) error {
	m, ok := l.methods[procedure]
	if !ok {
		return errs.Of(reason.Unimplemented)
	}
	answer, err := m.handler(m.implementation, ctx, func(into any) error { return merge(into, args) }, nil)
	if err != nil {
		return err
	}
	return merge(reply, answer)
}

// NewStream refuses: none of our own methods streams.
func (l *Local) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errs.Of(reason.Unimplemented)
}

func merge(into, from any) error {
	dst, ok := into.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is no message", into)
	}
	src, ok := from.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is no message", from)
	}
	proto.Merge(dst, src)
	return nil
}
