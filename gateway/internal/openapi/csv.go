package openapi

import (
	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
)

// describeCSV says where a method gives or takes CSV beside JSON.
func describeCSV(operation *openapi3.Operation, m access.Method) {
	text := openapi3.NewMediaType().WithSchema(openapi3.NewStringSchema())
	if response := operation.Responses.Value("200"); access.CSVField(m.Descriptor.Output()) != nil && response != nil && response.Value != nil {
		response.Value.Content[access.CSVType] = text
	}
	csv := access.CSVField(m.Descriptor.Input())
	if csv == nil || operation.RequestBody == nil || operation.RequestBody.Value == nil {
		return
	}
	operation.RequestBody.Value.Content[access.CSVType] = text
	fields := m.Descriptor.Input().Fields()
	for i := range fields.Len() {
		if field := fields.Get(i); field != csv {
			operation.AddParameter(openapi3.NewQueryParameter(field.JSONName()).
				WithDescription("Only with a body of " + access.CSVType + ".").WithSchema(plain(field.Kind())))
		}
	}
}

// plain is the schema of a field that a query can hold.
func plain(kind protoreflect.Kind) *openapi3.Schema {
	switch kind {
	case protoreflect.BoolKind:
		return openapi3.NewBoolSchema()
	case protoreflect.Int32Kind:
		return openapi3.NewInt32Schema()
	}
	return openapi3.NewStringSchema()
}
