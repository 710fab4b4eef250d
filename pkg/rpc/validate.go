package rpc

import (
	"cmp"
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
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// Validate checks a message against the rules in its contract; errs.Invalid,
// reason "request_invalid", with the fields that break a rule, named as in JSON:
// at most 100, and how many more there are. The elements of a list that is too
// long are not looked at.
func Validate(validator protovalidate.Validator, message proto.Message) error {
	var found Violations
	tooMany(message.ProtoReflect(), "", &found)
	if list := found.List(); len(list) > 0 {
		return requestInvalid(list)
	}
	err := validator.Validate(message, protovalidate.WithFailFast())
	if err == nil {
		return nil
	}
	if err := collect(validator, message, "", &found); err != nil {
		return errs.Of(reason.Internal, errs.WithCause(err)) // a rule that does not compile
	}
	if len(found.List()) == 0 {
		return errs.Of(reason.Internal, errs.WithCause(err))
	}
	return requestInvalid(found.List())
}

func requestInvalid(list []errs.Violation) error {
	return errs.Of(reason.RequestInvalid, errs.WithViolations(list...))
}

// collect adds what is wrong with a message and with those in it. Each message is
// checked on its own, so that no more than one message's violations exist at once.
func collect(validator protovalidate.Validator, message proto.Message, at string, found *Violations) error {
	alone := protovalidate.FilterFunc(func(m protoreflect.Message, _ protoreflect.Descriptor) bool {
		return m.Interface() == message
	})
	err := validator.Validate(message, protovalidate.WithFilter(alone))
	broken, ok := errors.AsType[*protovalidate.ValidationError](err)
	if err != nil && !ok {
		return err
	}
	if ok {
		for _, v := range broken.Violations {
			descriptor := message.ProtoReflect().Descriptor()
			field := cmp.Or(jsonPath(descriptor, v.Proto.GetField()), fieldNamed(descriptor, v.Proto.GetMessage()))
			found.Add(join(at, field), wordsOf(v))
		}
	}
	return eachMessage(message.ProtoReflect(), at, func(inner protoreflect.Message, at string) error {
		return collect(validator, inner.Interface(), at, found)
	})
}

// wordsOf says what is wrong: for a value that does not match its field's pattern, which nobody
// should have to read, what the contract says that it must be.
func wordsOf(v *protovalidate.Violation) string {
	if v.Proto.GetRuleId() == "string.pattern" && v.FieldDescriptor != nil {
		if form, _ := proto.GetExtension(v.FieldDescriptor.Options(), policyv1.E_Form).(string); form != "" {
			return form
		}
	}
	return cmp.Or(v.Proto.GetMessage(), v.Proto.GetRuleId())
}

// fieldNamed is the field that the text of a rule about several fields names first, so that the violation
// of it too has a field; empty where it names none.
func fieldNamed(message protoreflect.MessageDescriptor, text string) string {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		if message.Fields().ByJSONName(word) != nil {
			return word
		}
	}
	return ""
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
