package access

import "google.golang.org/protobuf/reflect/protoreflect"

// VersionField is the field of a message that holds its version, a 64-bit number named version; nil
// when it has none. A change whose request has one is refused where somebody changed the resource
// since that version was read. Over REST it travels as an entity tag too.
func VersionField(message protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	if message == nil {
		return nil
	}
	field := message.Fields().ByName("version")
	if field == nil || field.Kind() != protoreflect.Int64Kind || field.IsList() {
		return nil
	}
	return field
}
