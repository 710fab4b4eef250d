package rpc_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// The contract of these tests, made here so that no real one has to serve:
//
//	message Item { string display_name = 1 [min_len 1]; }
//	message Note { string text = 1 [max_len 10]; repeated Item line_items = 2; map<string, Item> by_key = 3; }
//	service Probe {
//	  rpc Public(Note) returns (Note)      rule
//	  rpc Inner(Note) returns (Note)       internal: discovery, mapping
//	  rpc Free(Note) returns (Note)        internal: worker, without_tenant
//	  rpc Watch(stream Note) returns (stream Note)  internal: worker
//	}
//	service Forgotten { rpc Nothing(Note) returns (Note) }   no policy
const (
	publicMethod  = "/entrasync.test.v1.Probe/Public"
	innerMethod   = "/entrasync.test.v1.Probe/Inner"
	freeMethod    = "/entrasync.test.v1.Probe/Free"
	watchMethod   = "/entrasync.test.v1.Probe/Watch"
	nothingMethod = "/entrasync.test.v1.Forgotten/Nothing"
)

var noteType = sync.OnceValue(func() protoreflect.MessageDescriptor {
	str := func(name string, number int32, rules *validate.FieldRules) *descriptorpb.FieldDescriptorProto {
		options := &descriptorpb.FieldOptions{}
		proto.SetExtension(options, validate.E_Field, rules)
		return &descriptorpb.FieldDescriptorProto{
			Name: &name, Number: &number, Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Options: options,
		}
	}
	list := func(name string, number int32, of string) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{
			Name: &name, Number: &number, Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), TypeName: &of,
			Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum(),
		}
	}
	method := func(name string, set func(*descriptorpb.MethodOptions)) *descriptorpb.MethodDescriptorProto {
		options := &descriptorpb.MethodOptions{}
		set(options)
		streaming := name == "Watch"
		return &descriptorpb.MethodDescriptorProto{
			Name: &name, InputType: new(".entrasync.test.v1.Note"), OutputType: new(".entrasync.test.v1.Note"), Options: options,
			ClientStreaming: &streaming, ServerStreaming: &streaming,
		}
	}
	internal := func(withoutTenant bool, callers ...string) func(*descriptorpb.MethodOptions) {
		return func(o *descriptorpb.MethodOptions) {
			proto.SetExtension(o, policyv1.E_Internal, &policyv1.Internal{Callers: callers, WithoutTenant: withoutTenant})
		}
	}
	byKey := list("by_key", 3, ".entrasync.test.v1.Note.ByKeyEntry")
	value := list("value", 2, ".entrasync.test.v1.Item")
	value.Label = descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("entrasync/test/v1/probe.proto"), Package: new("entrasync.test.v1"), Syntax: new("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: new("Item"), Field: []*descriptorpb.FieldDescriptorProto{
				str("display_name", 1, &validate.FieldRules{Type: &validate.FieldRules_String_{String_: &validate.StringRules{MinLen: new(uint64(1))}}}),
			}},
			{
				Name: new("Note"),
				Field: []*descriptorpb.FieldDescriptorProto{
					str("text", 1, &validate.FieldRules{Type: &validate.FieldRules_String_{String_: &validate.StringRules{MaxLen: new(uint64(10))}}}),
					list("line_items", 2, ".entrasync.test.v1.Item"), byKey,
				},
				NestedType: []*descriptorpb.DescriptorProto{{
					Name: new("ByKeyEntry"), Options: &descriptorpb.MessageOptions{MapEntry: new(true)},
					Field: []*descriptorpb.FieldDescriptorProto{str("key", 1, nil), value},
				}},
			},
		},
		Service: []*descriptorpb.ServiceDescriptorProto{
			{Name: new("Probe"), Method: []*descriptorpb.MethodDescriptorProto{
				method("Public", func(o *descriptorpb.MethodOptions) {
					proto.SetExtension(o, policyv1.E_Rule, &policyv1.Rule{Auth: policyv1.Auth_AUTH_SIGNED_IN})
				}),
				method("Inner", internal(false, "discovery", "mapping")),
				method("Free", internal(true, "worker")),
				method("Watch", internal(false, "worker")),
			}},
			{Name: new("Forgotten"), Method: []*descriptorpb.MethodDescriptorProto{method("Nothing", func(*descriptorpb.MethodOptions) {})}},
		},
	}, protoregistry.GlobalFiles)
	if err == nil {
		err = protoregistry.GlobalFiles.RegisterFile(file)
	}
	if err != nil {
		panic(err)
	}
	return file.Messages().ByName("Note")
})

func note(text string) *dynamicpb.Message {
	n := dynamicpb.NewMessage(noteType())
	n.Set(noteType().Fields().ByName("text"), protoreflect.ValueOfString(text))
	return n
}

func textOf(n *dynamicpb.Message) string { return n.Get(noteType().Fields().ByName("text")).String() }

// handler serves every method: it answers with a note of the returned text.
type handler func(ctx context.Context, text string) (string, error)

func echo(_ context.Context, text string) (string, error) { return text, nil }

// on registers the services with the handler.
func on(h handler) func(grpc.ServiceRegistrar) {
	unary := func(full string) grpc.MethodDesc {
		return grpc.MethodDesc{
			MethodName: full[len(full)-len(lastPart(full)):],
			Handler: func(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
				in := dynamicpb.NewMessage(noteType())
				if err := decode(in); err != nil {
					return nil, err
				}
				return interceptor(ctx, in, &grpc.UnaryServerInfo{FullMethod: full}, func(ctx context.Context, req any) (any, error) {
					text, err := h(ctx, textOf(req.(*dynamicpb.Message)))
					if err != nil {
						return nil, err
					}
					return note(text), nil
				})
			},
		}
	}
	return func(r grpc.ServiceRegistrar) {
		noteType()
		r.RegisterService(&grpc.ServiceDesc{
			ServiceName: "entrasync.test.v1.Probe", HandlerType: (*any)(nil),
			Methods: []grpc.MethodDesc{unary(publicMethod), unary(innerMethod), unary(freeMethod)},
			Streams: []grpc.StreamDesc{{StreamName: "Watch", ServerStreams: true, ClientStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
				for {
					in := dynamicpb.NewMessage(noteType())
					if err := stream.RecvMsg(in); errors.Is(err, io.EOF) {
						return nil
					} else if err != nil {
						return err
					}
					text, err := h(stream.Context(), textOf(in))
					if err != nil {
						return err
					}
					if err := stream.SendMsg(note(text)); err != nil {
						return err
					}
				}
			}}},
		}, nil)
	}
}

// forgotten registers the service without a policy.
func forgotten(r grpc.ServiceRegistrar) {
	noteType()
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: "entrasync.test.v1.Forgotten", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Nothing", Handler: func(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
			in := dynamicpb.NewMessage(noteType())
			if err := decode(in); err != nil {
				return nil, err
			}
			return interceptor(ctx, in, &grpc.UnaryServerInfo{FullMethod: nothingMethod}, func(context.Context, any) (any, error) { return note(""), nil })
		}}},
	}, nil)
}

func lastPart(full string) string {
	for i := len(full) - 1; i >= 0; i-- {
		if full[i] == '/' {
			return full[i+1:]
		}
	}
	return full
}

// call makes one unary call.
func call(ctx context.Context, conn *grpc.ClientConn, method, text string) (string, error) {
	out := dynamicpb.NewMessage(noteType())
	if err := conn.Invoke(ctx, method, note(text), out); err != nil {
		return "", err
	}
	return textOf(out), nil
}

// bundle is a network with one server, "connection".
type bundle struct {
	*rpctest.Network
	address string
}

func setup(t *testing.T, h handler) *bundle {
	t.Helper()
	n := rpctest.New(t)
	return &bundle{Network: n, address: n.Serve("connection", on(h))}
}

func (b *bundle) from(service string) *grpc.ClientConn {
	return b.Dial(service, "connection", b.address)
}

func requireReason(t *testing.T, err error, reason string) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, reason, reasonOf(err), "%v", err)
}

// noted is a value that a handler leaves for the test.
type noted[T any] struct {
	mu    sync.Mutex
	value T
}

func (n *noted[T]) set(v T) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.value = v
}

func (n *noted[T]) get() T {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.value
}
