// Package openapi describes the public HTTP interface: as OpenAPI 3 for
// programs, and as one page for people.
package openapi

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/identity"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// version is that of OpenAPI.
const version = "3.1.0"

// The names of the ways to say who calls.
const (
	bearer      = "bearer"
	cookie      = "session"
	platformKey = "platformKey"
)

// Documents are the description, and the page that shows it, ready to serve.
type Documents struct {
	JSON   []byte
	Page   []byte
	Script []byte // what the page loads: Redoc
}

//go:embed page.html
var page []byte

// script is Redoc, as its npm package has it; its licences stand beside it.
//
//go:embed redoc/redoc.standalone.js
var script []byte

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
		Title: "entrasync", Version: "1", Description: about + codesOf("Every call"),
		License: &openapi3.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
	}
	doc.OpenAPI = version
	doc.Servers = openapi3.Servers{{URL: publicURL}}
	addComponents(doc)
	ruler := &ruler{doc: doc, done: map[*openapi3.Schema]bool{}}
	if ruler.comments, err = besideRefs(generated); err != nil {
		return Documents{}, err
	}
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
			ruler.requests(operation, m)
		}
		if len(item.Operations()) == 0 {
			doc.Paths.Delete(path)
		}
	}
	for path, item := range doc.Paths.Map() {
		for verb, operation := range item.Operations() {
			ruler.answers(operation, byRoute[verb+" "+path])
		}
	}
	addEvents(doc, ruler)
	group(doc)
	dropUnused(doc)
	raw, err := write(doc)
	if err != nil {
		return Documents{}, fmt.Errorf("writing the description: %w", err)
	}
	if err := valid(raw); err != nil {
		return Documents{}, err
	}
	return Documents{JSON: raw, Page: page, Script: script}, nil
}

// about is what the description says before anything else.
const about = `Keeps an MSP's client contacts in step with the Microsoft Entra directories of the companies it serves.

Sign in with a bearer token of the host's identity provider; the tenant is the token's, nothing else chooses it. Unknown fields are refused, on every route. Times are RFC 3339, counts are there also when they are zero. Lists come in pages: send ` + "`nextPageToken`" + ` as ` + "`pageToken`" + ` until it is empty. Every POST takes an ` + "`Idempotency-Key`" + `.

Errors are ` + "`application/problem+json`" + ` with a stable ` + "`code`" + `. Any call can be refused with these; each group below lists its own:`

// write encodes the document. A reference with a description beside it, which the
// library cannot hold, stands in it as the only part of an allOf.
func write(doc *openapi3.T) ([]byte, error) {
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	flatten(tree)
	return json.Marshal(tree)
}

func flatten(node any) {
	switch node := node.(type) {
	case []any:
		for _, one := range node {
			flatten(one)
		}
	case map[string]any:
		if all, ok := node["allOf"].([]any); ok && len(all) == 1 {
			if only, ok := all[0].(map[string]any); ok && only["$ref"] != nil {
				delete(node, "allOf")
				node["$ref"] = only["$ref"]
			}
		}
		for _, one := range node {
			flatten(one)
		}
	}
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
		cookie:      {Value: openapi3.NewSecurityScheme().WithType("apiKey").WithIn("cookie").WithName(identity.SessionCookie)},
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
	for name, text := range map[string]string{
		"type": "Names the kind of problem.", "title": "The status in words.", "status": "The HTTP status.",
		"detail": "What went wrong, for people.", "instance": "The path that was called.", "code": "What went wrong, for programs; it is stable.",
		"requestId": "Names the request in logs.", "violations": "The fields that break a rule; empty where none does.",
	} {
		shape.Properties[name].Value.Description = text
		shape.Required = append(shape.Required, name)
	}
	slices.Sort(shape.Required)
	details := openapi3.NewObjectSchema().WithAdditionalProperties(openapi3.NewStringSchema())
	details.Description = "What programs may go by besides the code, such as the state of what somebody else has changed; absent where there is nothing."
	shape.WithProperty("metadata", details)
	violation.Required = []string{"field", "message"}
	violation.Properties["field"].Value.Description = "The field, by its place in the request."
	violation.Properties["message"].Value.Description = "What it breaks."
	doc.Components.Headers = headers()
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
	describeHeaders(operation, m)
	describeVersion(operation, m)
	describeRefusals(operation, m)
	operation.Tags = []string{tagOf(string(m.Service.Name())).name}
	scheme := bearer
	if m.Rule.GetAuth() == policyv1.Auth_AUTH_PLATFORM_KEY {
		scheme = platformKey
	}
	operation.Security = openapi3.NewSecurityRequirements().With(openapi3.NewSecurityRequirement().Authenticate(scheme))
	if scheme == bearer {
		operation.Security.With(openapi3.NewSecurityRequirement().Authenticate(cookie))
	}
	if m.Verb == "POST" {
		operation.AddParameter(openapi3.NewHeaderParameter("Idempotency-Key").
			WithDescription("The same key and body within 24 hours gets the first answer again.").WithSchema(openapi3.NewStringSchema().WithMaxLength(255)))
	}
	summarise(operation, string(m.Descriptor.Name()))
	operation.Description = strings.TrimSpace(operation.Description + "\n\n" + needs(m))
}

// summarise makes the first sentence of a method's comment, without the method's
// name, the summary.
func summarise(operation *openapi3.Operation, method string) {
	text := strings.TrimSpace(operation.Summary + "\n\n" + operation.Description)
	text = strings.TrimSpace(strings.TrimPrefix(text, method))
	if first, rest, _ := strings.Cut(text, "."); first != "" {
		operation.Summary = strings.ToUpper(first[:1]) + strings.ReplaceAll(first[1:], "\n", " ")
		text = rest
	}
	operation.Description = strings.TrimSpace(text)
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
