package rpc

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/pkg/errs"
)

// Validate checks a message against the rules in its contract; errs.Invalid,
// reason "request_invalid", with one violation a field, named as in JSON.
func Validate(validator protovalidate.Validator, message proto.Message) error {
	err := validator.Validate(message)
	if err == nil {
		return nil
	}
	broken, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return errs.Wrap(err, errs.Internal, "internal", genericMessage) // a rule that does not compile
	}
	violations := make([]errs.Violation, 0, len(broken.Violations))
	for _, v := range broken.Violations {
		text := v.Proto.GetMessage()
		if text == "" {
			text = v.Proto.GetRuleId()
		}
		violations = append(violations, errs.Violation{
			Field: jsonPath(message.ProtoReflect().Descriptor(), v.Proto.GetField()), Message: text,
		})
	}
	return errs.New(errs.Invalid, "request_invalid", "The request is not valid.", errs.WithViolations(violations...))
}

// jsonPath writes a field's path in JSON names: client.emails[2].
func jsonPath(message protoreflect.MessageDescriptor, path *validate.FieldPath) string {
	var b strings.Builder
	for _, element := range path.GetElements() {
		name := element.GetFieldName()
		var field protoreflect.FieldDescriptor
		if message != nil {
			field = message.Fields().ByNumber(protoreflect.FieldNumber(element.GetFieldNumber()))
		}
		message = nil
		if field != nil {
			name = field.JSONName()
			message = field.Message()
			if field.IsMap() {
				message = field.MapValue().Message()
			}
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(name)
		writeSubscript(&b, element)
	}
	return b.String()
}

func writeSubscript(b *strings.Builder, element *validate.FieldPathElement) {
	switch s := element.GetSubscript().(type) {
	case *validate.FieldPathElement_Index:
		b.WriteString("[" + strconv.FormatUint(s.Index, 10) + "]")
	case *validate.FieldPathElement_BoolKey:
		b.WriteString("[" + strconv.FormatBool(s.BoolKey) + "]")
	case *validate.FieldPathElement_IntKey:
		b.WriteString("[" + strconv.FormatInt(s.IntKey, 10) + "]")
	case *validate.FieldPathElement_UintKey:
		b.WriteString("[" + strconv.FormatUint(s.UintKey, 10) + "]")
	case *validate.FieldPathElement_StringKey:
		b.WriteString("[" + strconv.Quote(s.StringKey) + "]")
	}
}

func validateUnary(validator protovalidate.Validator) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if message, ok := req.(proto.Message); ok {
			if err := Validate(validator, message); err != nil {
				return nil, err
			}
		}
		return handler(ctx, req)
	}
}

func validateStream(validator protovalidate.Validator) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return handler(srv, &validatedStream{ServerStream: stream, validator: validator})
	}
}

// validatedStream checks each message that comes in.
type validatedStream struct {
	grpc.ServerStream
	validator protovalidate.Validator
}

func (s *validatedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	if message, ok := m.(proto.Message); ok {
		return Validate(s.validator, message)
	}
	return nil
}
