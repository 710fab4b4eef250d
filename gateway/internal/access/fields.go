package access

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// bodyFields is the type of the field that lists which fields of a body were given.
var bodyFields = (*policyv1.BodyFields)(nil).ProtoReflect().Descriptor().FullName()

// BodyFields is the field of a request that lists which fields of its body were
// given, nil where it has none. REST fills it.
func BodyFields(request protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	for i := range request.Fields().Len() {
		if field := request.Fields().Get(i); field.Message() != nil && field.Message().FullName() == bodyFields {
			return field
		}
	}
	return nil
}

// fieldsAt are the fields along a path of names, as a rule writes it; nil where the
// message has no such field.
func fieldsAt(message protoreflect.MessageDescriptor, path string) (fields []protoreflect.FieldDescriptor) {
	for name := range strings.SplitSeq(path, ".") {
		if message == nil {
			return nil
		}
		field := message.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return nil
		}
		fields, message = append(fields, field), field.Message()
	}
	return fields
}

// says reports whether a request says something about a field: a value, or that it
// is null.
func says(request protoreflect.Message, fields []protoreflect.FieldDescriptor) bool {
	message, has := request, true
	for i, field := range fields {
		if has = message.Has(field); !has {
			break
		}
		if i < len(fields)-1 {
			message = message.Get(field).Message()
		}
	}
	given := BodyFields(request.Descriptor())
	if has || given == nil || len(fields) < 2 {
		return has
	}
	listed, ok := request.Get(given).Message().Interface().(*policyv1.BodyFields)
	if !ok {
		return false
	}
	var names []string
	for _, field := range fields[1:] { // the first is the body
		names = append(names, field.JSONName())
	}
	path := strings.Join(names, ".")
	return slices.ContainsFunc(slices.Concat(listed.GetGiven(), listed.GetNull()), func(one string) bool {
		return one == path || strings.HasPrefix(one, path+".") || strings.HasPrefix(path, one+".")
	})
}
