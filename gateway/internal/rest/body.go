package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// body is one that was read and looked at.
type body struct {
	*bytes.Reader
	raw     []byte
	refused error // why no message could be built of it, which grpc-gateway hands on as text
}

// Close does nothing.
func (*body) Close() error { return nil }

// readBody reads a request's body up to the method's limit.
func readBody(w http.ResponseWriter, r *http.Request, m access.Method) error {
	if m.Body == "" {
		return nil
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, m.MaxBody()))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return core.TooLarge()
	}
	if err != nil {
		return core.Undecodable(err)
	}
	r.Body = &body{Reader: bytes.NewReader(raw), raw: raw}
	return nil
}

// checkBody looks at a body that was read before the generated handler builds a message
// of it.
func checkBody(r *http.Request, m access.Method) error {
	raw := rawOf(r)
	if field := csvBody(m, r.Header.Get("Content-Type")); field != nil {
		if !utf8.Valid(raw) {
			return core.NotText(field.JSONName(), core.NotUTF8)
		}
		return nil
	}
	if len(raw) == 0 {
		return nil
	}
	return core.CheckJSON(raw, bodyOf(m))
}

// bytesOf gives the bytes of a body that was read, without a copy.
func bytesOf(r io.Reader) ([]byte, error) {
	if read, ok := r.(*body); ok {
		return read.raw, nil
	}
	return io.ReadAll(r)
}

// rawOf gives the bytes of a body that was read.
func rawOf(r *http.Request) []byte {
	if read, ok := r.Body.(*body); ok {
		return read.raw
	}
	return nil
}

// bodyField is the field of a request that the body is the whole of; nil where the
// body is the request.
func bodyField(m access.Method) protoreflect.FieldDescriptor {
	if m.Descriptor == nil || m.Body == "" || m.Body == "*" {
		return nil
	}
	return m.Descriptor.Input().Fields().ByName(protoreflect.Name(m.Body))
}

// bodyOf is the message that a body holds.
func bodyOf(m access.Method) protoreflect.MessageDescriptor {
	if field := bodyField(m); field != nil {
		return field.Message()
	}
	return m.Descriptor.Input()
}

// messageOf gives the message that is to be filled: of a body that is one field of
// the request, a generated handler hands out where the field's pointer stands.
func messageOf(v any) (proto.Message, bool) {
	if message, ok := v.(proto.Message); ok {
		return message, true
	}
	at := reflect.ValueOf(v)
	if at.Kind() != reflect.Pointer || at.Elem().Kind() != reflect.Pointer {
		return nil, false
	}
	if at.Elem().IsNil() {
		at.Elem().Set(reflect.New(at.Elem().Type().Elem()))
	}
	message, ok := at.Elem().Interface().(proto.Message)
	return message, ok
}

// withBodyFields lists, in a request that asks for it, the fields of its body that were
// given and those that are null.
func withBodyFields(x *exchange, request proto.Message) error {
	field := access.BodyFields(x.method.Descriptor.Input())
	if field == nil || x.method.Body == "" {
		return nil
	}
	listed := &policyv1.BodyFields{}
	if err := listFields(x.body, bodyOf(x.method), "", listed); err != nil {
		return core.Undecodable(err)
	}
	if request.ProtoReflect().Has(field) || slices.Contains(listed.GetNull(), field.JSONName()) {
		return errs.Of(reason.InvalidArgument, errs.WithViolation(field.JSONName(), "is not a field of this request")) // it is filled in here
	}
	request.ProtoReflect().Set(field, protoreflect.ValueOfMessage(listed.ProtoReflect()))
	return nil
}

// listFields walks the object of a message, which was decoded before.
func listFields(raw []byte, message protoreflect.MessageDescriptor, within string, listed *policyv1.BodyFields) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return err
	}
	fields := message.Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		value, ok := members[field.JSONName()]
		if !ok {
			value, ok = members[field.TextName()]
		}
		path := within + field.JSONName()
		switch {
		case !ok:
		case string(bytes.TrimSpace(value)) == "null":
			listed.Null = append(listed.Null, path)
		case field.Message() != nil && !field.IsList() && !field.IsMap():
			if err := listFields(value, field.Message(), path+".", listed); err != nil {
				return err
			}
		default:
			listed.Given = append(listed.Given, path)
		}
	}
	return nil
}

// inBodyNames names the fields of a body as the body does.
func inBodyNames(m access.Method, err error) error {
	field := bodyField(m)
	e, ok := errors.AsType[*errs.Error](err)
	if field == nil || !ok || len(e.Violations()) == 0 {
		return err
	}
	violations := e.Violations()
	for i, v := range violations {
		violations[i].Field = strings.TrimPrefix(v.Field, field.JSONName()+".")
	}
	return errs.Wrap(e, e.Kind(), e.Reason(), e.Public(), errs.WithViolations(violations...))
}
