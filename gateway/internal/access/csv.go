package access

import "google.golang.org/protobuf/reflect/protoreflect"

// CSVType is the media type of CSV.
const CSVType = "text/csv"

// CSVField is the field of a message that holds CSV, a text named csv; nil when it has
// none. A method whose answer has one can be asked for the CSV itself, and one whose
// request has one takes CSV as the body.
func CSVField(message protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	field := message.Fields().ByName("csv")
	if field == nil || field.Kind() != protoreflect.StringKind || field.IsList() {
		return nil
	}
	return field
}

// AsCSVField is the field of a request that asks for CSV, a boolean named as_csv;
// nil when it has none. Lists have one: their answers are JSON or CSV and never
// both.
func AsCSVField(message protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	field := message.Fields().ByName("as_csv")
	if field == nil || field.Kind() != protoreflect.BoolKind {
		return nil
	}
	return field
}
