// Package openapi describes the public HTTP interface: as OpenAPI 3 for
// programs, and as one page for people.
package openapi

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"

	"github.com/entrasync/entrasync/gateway/internal/access"
	gwhttp "github.com/entrasync/entrasync/gateway/internal/http"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// The names of the two ways to say who calls.
const (
	bearer      = "bearer"
	platformKey = "platformKey"
)

// Documents are the two descriptions, ready to serve.
type Documents struct {
	JSON []byte
	Page []byte
}

// Build makes the documents from the generated OpenAPI 2 text and the methods'
// rules. Only routes of public methods are in them.
func Build(generated []byte, methods []access.Method, publicURL string) (Documents, error) {
	var v2 openapi2.T
	if err := json.Unmarshal(generated, &v2); err != nil {
		return Documents{}, fmt.Errorf("reading the generated description: %w", err)
	}
	doc, err := openapi2conv.ToV3(&v2)
	if err != nil {
		return Documents{}, fmt.Errorf("converting the description: %w", err)
	}
	doc.Info = &openapi3.Info{
		Title: "entrasync", Version: "1",
		Description: "Keeps an MSP's client contacts in step with the Microsoft Entra directories of the companies it serves.",
	}
	doc.Servers = openapi3.Servers{{URL: publicURL}}
	doc.Tags = nil
	addComponents(doc)
	byRoute := map[string]access.Method{}
	for _, m := range methods {
		byRoute[m.Verb+" "+restPath(m)] = m
	}
	for path, item := range doc.Paths.Map() {
		for verb, operation := range item.Operations() {
			m, ok := byRoute[verb+" "+path]
			if !ok {
				item.SetOperation(verb, nil)
				continue
			}
			describe(operation, m)
		}
		if len(item.Operations()) == 0 {
			doc.Paths.Delete(path)
		}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return Documents{}, fmt.Errorf("writing the description: %w", err)
	}
	if err := valid(raw); err != nil {
		return Documents{}, err
	}
	page, err := render(doc, byRoute)
	if err != nil {
		return Documents{}, err
	}
	return Documents{JSON: raw, Page: page}, nil
}

// valid reads the document as a client would.
func valid(raw []byte) error {
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return fmt.Errorf("the description cannot be read back: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return fmt.Errorf("the description is not valid OpenAPI: %w", err)
	}
	return nil
}

// restPath is a method's path with variables named as in JSON.
func restPath(m access.Method) string {
	path := m.Path
	fields := m.Descriptor.Input().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		path = strings.ReplaceAll(path, "{"+string(f.Name())+"}", "{"+f.JSONName()+"}")
	}
	return path
}

func addComponents(doc *openapi3.T) {
	if doc.Components == nil {
		doc.Components = &openapi3.Components{}
	}
	doc.Components.SecuritySchemes = openapi3.SecuritySchemes{
		bearer:      {Value: openapi3.NewJWTSecurityScheme()},
		platformKey: {Value: openapi3.NewSecurityScheme().WithType("apiKey").WithIn("header").WithName("x-api-key")},
	}
	violation := openapi3.NewObjectSchema().WithProperty("field", openapi3.NewStringSchema()).WithProperty("message", openapi3.NewStringSchema())
	shape := openapi3.NewObjectSchema().
		WithProperty("type", openapi3.NewStringSchema()).
		WithProperty("title", openapi3.NewStringSchema()).
		WithProperty("status", openapi3.NewInt32Schema()).
		WithProperty("detail", openapi3.NewStringSchema()).
		WithProperty("instance", openapi3.NewStringSchema()).
		WithProperty("code", openapi3.NewStringSchema()).
		WithProperty("requestId", openapi3.NewStringSchema()).
		WithProperty("violations", openapi3.NewArraySchema().WithItems(violation))
	if doc.Components.Schemas == nil {
		doc.Components.Schemas = openapi3.Schemas{}
	}
	doc.Components.Schemas["Problem"] = openapi3.NewSchemaRef("", shape)
}

// describe adds to an operation what its rule says.
func describe(operation *openapi3.Operation, m access.Method) {
	if code := int(m.Rule.GetSuccessStatus()); code != 0 && code != 200 {
		if ok := operation.Responses.Value("200"); ok != nil {
			operation.Responses.Set(strconv.Itoa(code), ok)
			operation.Responses.Delete("200")
		}
	}
	for _, response := range operation.Responses.Map() {
		if response.Value != nil && (response.Value.Description == nil || *response.Value.Description == "") {
			response.Value.WithDescription("Done.")
		}
	}
	describeCSV(operation, m)
	dropBodyFields(operation, m)
	operation.Responses.Set("default", &openapi3.ResponseRef{Value: openapi3.NewResponse().
		WithDescription("What went wrong.").
		WithContent(openapi3.NewContentWithSchemaRef(openapi3.NewSchemaRef("#/components/schemas/Problem", nil), []string{gwhttp.ProblemType}))})
	scheme := bearer
	if m.Rule.GetAuth() == policyv1.Auth_AUTH_PLATFORM_KEY {
		scheme = platformKey
	}
	operation.Security = openapi3.NewSecurityRequirements().With(openapi3.NewSecurityRequirement().Authenticate(scheme))
	if m.Verb == "POST" {
		operation.AddParameter(openapi3.NewHeaderParameter("Idempotency-Key").
			WithDescription("The same key and body within 24 hours gets the first answer again.").WithSchema(openapi3.NewStringSchema().WithMaxLength(255)))
	}
	operation.Description = strings.TrimSpace(operation.Description + "\n\n" + needs(m))
}

// dropBodyFields leaves out the parameters that REST fills itself.
func dropBodyFields(operation *openapi3.Operation, m access.Method) {
	field := access.BodyFields(m.Descriptor.Input())
	if field == nil {
		return
	}
	operation.Parameters = slices.DeleteFunc(operation.Parameters, func(p *openapi3.ParameterRef) bool {
		return p.Value != nil && strings.HasPrefix(p.Value.Name, field.JSONName()+".")
	})
}

// needs says in words what a rule asks for.
func needs(m access.Method) string {
	var parts []string
	switch m.Rule.GetAuth() {
	case policyv1.Auth_AUTH_PLATFORM_KEY:
		parts = append(parts, "the platform key")
	case policyv1.Auth_AUTH_USER:
		parts = append(parts, "permission "+m.Rule.GetPermission())
	default:
		parts = append(parts, "a signed-in user")
	}
	for _, flag := range m.Rule.GetFlags() {
		parts = append(parts, "flag "+flag)
	}
	for _, when := range m.Rule.GetWhen() {
		parts = append(parts, fmt.Sprintf("flag %s for some values of %s", when.GetFlag(), when.GetField()))
	}
	if m.Rule.GetEnterprise() {
		parts = append(parts, "the enterprise edition")
	}
	return "Needs: " + strings.Join(parts, ", ") + "."
}

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

type route struct {
	Verb, Path, Summary, Needs, Request, Response string
	Parameters                                    []parameter
}

type parameter struct{ Name, In, Type string }

func render(doc *openapi3.T, byRoute map[string]access.Method) ([]byte, error) {
	var routes []route
	paths := doc.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		operations := paths[path].Operations()
		for _, verb := range slices.Sorted(maps.Keys(operations)) {
			operation := operations[verb]
			one := route{Verb: verb, Path: path, Summary: operation.Summary, Needs: needs(byRoute[verb+" "+path])}
			for _, p := range operation.Parameters {
				if p.Value != nil {
					one.Parameters = append(one.Parameters, parameter{Name: p.Value.Name, In: p.Value.In, Type: typeOf(p.Value.Schema)})
				}
			}
			if body := operation.RequestBody; body != nil && body.Value != nil {
				one.Request = content(doc, body.Value.Content)
			}
			for _, code := range []string{"200", "202"} {
				if response := operation.Responses.Value(code); response != nil && response.Value != nil {
					one.Response = content(doc, response.Value.Content)
				}
			}
			routes = append(routes, one)
		}
	}
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, map[string]any{"Title": doc.Info.Title, "Description": doc.Info.Description, "Routes": routes}); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return page.Bytes(), nil
}

// maxDepth bounds how deep a shape is written out.
const maxDepth = 4

func content(doc *openapi3.T, c openapi3.Content) string {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if c[name].Schema != nil {
			return outline(doc, c[name].Schema, 0)
		}
	}
	return ""
}

// outline writes a schema as an example-like shape.
func outline(doc *openapi3.T, ref *openapi3.SchemaRef, depth int) string {
	schema := ref.Value
	if name, ok := strings.CutPrefix(ref.Ref, "#/components/schemas/"); ok {
		if found := doc.Components.Schemas[name]; found != nil {
			schema = found.Value
		}
	}
	switch {
	case schema == nil:
		return "…"
	case schema.Type != nil && schema.Type.Is("array") && schema.Items != nil:
		return "[" + outline(doc, schema.Items, depth) + "]"
	case len(schema.Properties) > 0:
		if depth >= maxDepth {
			return "{…}"
		}
		pad := strings.Repeat("  ", depth+1)
		var b strings.Builder
		b.WriteString("{\n")
		for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
			fmt.Fprintf(&b, "%s%s: %s\n", pad, name, outline(doc, schema.Properties[name], depth+1))
		}
		return b.String() + strings.Repeat("  ", depth) + "}"
	}
	return typeOf(ref)
}

func typeOf(ref *openapi3.SchemaRef) string {
	if ref == nil || ref.Value == nil || ref.Value.Type == nil {
		return "object"
	}
	text := strings.Join(ref.Value.Type.Slice(), " or ")
	if ref.Value.Format != "" {
		text += " (" + ref.Value.Format + ")"
	}
	return text
}
