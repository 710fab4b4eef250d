package openapi

import (
	"github.com/getkin/kin-openapi/openapi3"

	"github.com/entrasync/entrasync/gateway/internal/access"
)

// describeVersion says where the version of what stands at an address travels as an entity tag.
func describeVersion(operation *openapi3.Operation, m access.Method) {
	text := openapi3.NewStringSchema()
	answered := access.VersionField(part(m.Descriptor.Output(), responseBody(m))) != nil && m.Verb != "POST"
	if response := operation.Responses.Value("200"); answered && response != nil && response.Value != nil {
		response.Value.Headers["ETag"] = &openapi3.HeaderRef{Ref: "#/components/headers/ETag"}
	}
	if m.Verb == "GET" && answered {
		operation.AddParameter(openapi3.NewHeaderParameter("If-None-Match").
			WithDescription("The `ETag` of an earlier answer: the same answer again is 304, without a body.").WithSchema(text))
		same := openapi3.NewResponse().WithDescription("The answer is the one whose `ETag` was sent.")
		same.Headers = openapi3.Headers{"ETag": {Ref: "#/components/headers/ETag"}}
		operation.Responses.Set("304", &openapi3.ResponseRef{Value: same})
	}
	if taken := access.VersionField(part(m.Descriptor.Input(), m.Body)); m.Verb != "GET" && taken != nil && taken.HasPresence() {
		operation.AddParameter(openapi3.NewHeaderParameter("If-Match").
			WithDescription("The `ETag` of what was read, instead of `version`: the change is refused with `stale_version` where somebody made another one since.").
			WithSchema(text))
	}
}
