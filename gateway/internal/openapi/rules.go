package openapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
)

const componentsPrefix = "#/components/schemas/"

// ruler writes the rules of the contracts' fields into the schemas of their
// messages.
type ruler struct {
	doc  *openapi3.T
	done map[*openapi3.Schema]bool
	// comments are those that are not in the schemas yet, by "Schema.property".
	comments map[string]string
}

// requests writes the rules of what a method takes and gives. Requests come first: of a
// message that stands in both, what may be left out of a request may be left out.
func (r *ruler) requests(operation *openapi3.Operation, m access.Method) {
	input := m.Descriptor.Input()
	for _, p := range operation.Parameters {
		if p.Value == nil || p.Value.Schema == nil || p.Value.Schema.Value == nil || p.Value.In == openapi3.ParameterInHeader {
			continue
		}
		field := fieldAt(input, p.Value.Name)
		if field == nil {
			continue
		}
		constrain(p.Value.Schema.Value, field)
		p.Value.Required = p.Value.In == openapi3.ParameterInPath || needed(field)
	}
	if operation.RequestBody == nil || operation.RequestBody.Value == nil {
		return
	}
	operation.RequestBody.Value.Required = true
	for media, content := range operation.RequestBody.Value.Content {
		if media != access.CSVType {
			r.message(content.Schema, part(input, m.Body), needed)
		}
	}
}

func (r *ruler) answers(operation *openapi3.Operation, m access.Method) {
	for _, response := range operation.Responses.Map() {
		if response.Value == nil {
			continue
		}
		for media, content := range response.Value.Content {
			if media != access.CSVType && media != problemType {
				r.message(content.Schema, part(m.Descriptor.Output(), responseBody(m)), given)
			}
		}
	}
}

// message writes the rules of a message's fields and of the messages in it.
func (r *ruler) message(ref *openapi3.SchemaRef, message protoreflect.MessageDescriptor, required func(protoreflect.FieldDescriptor) bool) {
	if ref == nil || message == nil {
		return
	}
	schema := ref.Value
	if name, ok := strings.CutPrefix(ref.Ref, componentsPrefix); ok && r.doc.Components.Schemas[name] != nil {
		schema = r.doc.Components.Schemas[name].Value
	}
	if schema == nil || r.done[schema] {
		return
	}
	r.done[schema] = true
	schema.Required = nil
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		name := field.JSONName()
		property := schema.Properties[name]
		if property == nil {
			continue // taken from the path
		}
		if required(field) {
			schema.Required = append(schema.Required, name)
		}
		r.inside(property, field, required)
		schema.Properties[name] = r.described(property, field)
	}
	slices.Sort(schema.Required)
}

// inside goes on with what a field holds.
func (r *ruler) inside(property *openapi3.SchemaRef, field protoreflect.FieldDescriptor, required func(protoreflect.FieldDescriptor) bool) {
	if property.Ref == "" && property.Value != nil {
		constrain(property.Value, field)
	}
	switch {
	case field.IsMap():
		if property.Value != nil {
			r.message(property.Value.AdditionalProperties.Schema, field.MapValue().Message(), required)
		}
	case field.IsList():
		if property.Value != nil {
			r.message(property.Value.Items, field.Message(), required)
		}
	case field.Message() != nil && !strings.HasPrefix(string(field.Message().FullName()), "google."):
		r.message(property, field.Message(), required)
	}
}

// besideRefs reads the descriptions that stand beside references, by
// "Schema.property": the library drops them when it reads the text.
func besideRefs(generated []byte) (map[string]string, error) {
	var doc struct {
		Definitions map[string]struct {
			Properties map[string]struct {
				Ref         string `json:"$ref"`
				Description string
			}
		}
	}
	if err := json.Unmarshal(generated, &doc); err != nil {
		return nil, fmt.Errorf("reading the comments of the generated description: %w", err)
	}
	found := map[string]string{}
	for name, schema := range doc.Definitions {
		for field, property := range schema.Properties {
			if property.Ref != "" && property.Description != "" {
				found[name+"."+field] = property.Description
			}
		}
	}
	return found, nil
}

// described gives a property its comment, where that is not there yet, and an example.
// A reference cannot have either, so it is wrapped.
func (r *ruler) described(property *openapi3.SchemaRef, field protoreflect.FieldDescriptor) *openapi3.SchemaRef {
	name := string(field.Parent().Name()) + "." + field.JSONName()
	if property.Ref != "" {
		schema := openapi3.NewSchema()
		schema.AllOf = openapi3.SchemaRefs{property}
		// A message has a longer name where another one has the same.
		long := strings.TrimPrefix(string(field.Parent().FullName()), "entrasync.") + "." + field.JSONName()
		schema.Description = cmp.Or(r.comments[name], r.comments[long])
		return openapi3.NewSchemaRef("", schema)
	}
	property.Value.Description = cmp.Or(property.Value.Description, r.comments[name])
	if example := examples[field.JSONName()]; example != "" && property.Value.Example == nil && property.Value.Type.Is("string") && len(property.Value.Enum) == 0 {
		property.Value.Example = example
	}
	return property
}

// part is what of a message is the body: all of it, or what one of its fields holds.
func part(message protoreflect.MessageDescriptor, name string) protoreflect.MessageDescriptor {
	if name == "" || name == "*" {
		return message
	}
	if field := message.Fields().ByName(protoreflect.Name(name)); field != nil {
		return field.Message()
	}
	return nil
}

// responseBody names the field of the answer that is the body; empty where all is.
func responseBody(m access.Method) string {
	rule, _ := proto.GetExtension(m.Descriptor.Options(), annotations.E_Http).(*annotations.HttpRule)
	return rule.GetResponseBody()
}

func rulesOf(field protoreflect.FieldDescriptor) *validate.FieldRules {
	rules, _ := proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules)
	return rules
}

// needed reports whether a request without the field is refused.
func needed(field protoreflect.FieldDescriptor) bool {
	rules := rulesOf(field)
	if rules.GetRequired() || rules.GetRepeated().GetMinItems() > 0 {
		return true
	}
	if field.HasPresence() || field.IsList() || field.IsMap() || rules.GetIgnore() == validate.Ignore_IGNORE_IF_ZERO_VALUE {
		return false
	}
	text := rules.GetString()
	return text.GetMinLen() > 0 || text.GetUuid() || len(text.GetIn()) > 0 && !slices.Contains(text.GetIn(), "")
}

// given reports whether every answer has the field: what cannot be absent is written
// also when it is empty.
func given(field protoreflect.FieldDescriptor) bool { return !field.HasPresence() }

// constrain writes a field's own rules into its schema.
func constrain(schema *openapi3.Schema, field protoreflect.FieldDescriptor) {
	rules := rulesOf(field)
	if rules == nil {
		return
	}
	if list := rules.GetRepeated(); list != nil {
		schema.MinItems = list.GetMinItems()
		if list.HasMaxItems() {
			schema.MaxItems = ptr(list.GetMaxItems())
		}
		if schema.Items != nil && schema.Items.Value != nil && schema.Items.Ref == "" {
			constrainText(schema.Items.Value, list.GetItems().GetString())
		}
		return
	}
	constrainText(schema, rules.GetString())
	if n := rules.GetInt32(); n != nil {
		if n.HasGte() {
			schema.Min = ptr(float64(n.GetGte()))
		}
		if n.HasLte() {
			schema.Max = ptr(float64(n.GetLte()))
		}
	}
}

func constrainText(schema *openapi3.Schema, text *validate.StringRules) {
	if text == nil {
		return
	}
	schema.MinLength = text.GetMinLen()
	if text.HasMaxLen() {
		schema.MaxLength = ptr(text.GetMaxLen())
	}
	if text.GetPattern() != "" {
		schema.Pattern = text.GetPattern()
	}
	if text.GetUuid() {
		schema.Format = "uuid"
	}
	for _, value := range text.GetIn() {
		if value != "" { // the same as leaving it out
			schema.Enum = append(schema.Enum, value)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// fieldAt finds the field of a parameter's name, which has dots between messages.
func fieldAt(message protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	var field protoreflect.FieldDescriptor
	for part := range strings.SplitSeq(name, ".") {
		if message == nil {
			return nil
		}
		if field = message.Fields().ByJSONName(part); field == nil {
			return nil
		}
		message = field.Message()
	}
	return field
}
