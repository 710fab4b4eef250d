package openapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/entrasync/entrasync/gateway/internal/access"
	gwhttp "github.com/entrasync/entrasync/gateway/internal/http"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

const problemType = gwhttp.ProblemType

// refusals are the codes that a method's rule and its form can be refused with, in
// the order of the checks.
func refusals(m access.Method) []string {
	var codes []string
	add := func(when bool, names ...string) {
		if when {
			codes = append(codes, names...)
		}
	}
	person := m.Rule.GetAuth() != policyv1.Auth_AUTH_PLATFORM_KEY
	changes := m.Verb != "GET"
	add(m.Rule.GetEnterprise(), reason.EditionRequired)
	add(true, reason.Unauthenticated, reason.RateLimited)
	add(person, reason.IdentityUnavailable, reason.ClientUserDenied, reason.TenantBusy)
	add(person && changes, reason.CSRFTokenInvalid)
	add(m.Rule.GetPermission() != "", reason.PermissionDenied)
	add(len(m.Rule.GetFlags())+len(m.Rule.GetWhen()) > 0, reason.FeatureDisabled)
	add(true, reason.InvalidArgument)
	add(m.Body != "", reason.RequestTooLarge, reason.UnsupportedMediaType, reason.Overloaded)
	add(m.Verb == "POST", reason.IdempotencyKeyReused, reason.IdempotencyInProgress, reason.AlreadyDone)
	add(m.Audited() && changes, reason.AuditUnavailable)
	add(strings.Contains(m.Path, "{"), reason.NotFound)
	add(true, reason.Unavailable, reason.Deadline, reason.Internal)
	return codes
}

// describeRefusals adds an answer for each status that a method is refused with.
func describeRefusals(operation *openapi3.Operation, m access.Method) {
	byStatus := map[int][]string{}
	for _, name := range refusals(m) {
		if r, ok := reason.Of(name); ok {
			status := r.Statuses()[0]
			byStatus[status] = append(byStatus[status], name)
		}
	}
	for status, names := range byStatus {
		var lines []string
		for _, name := range names {
			lines = append(lines, fmt.Sprintf("`%s`: %s", name, reason.Text(name)))
		}
		answer := problem(strings.Join(lines, "\n\n"))
		if status == 429 || status == 503 {
			answer.Headers["Retry-After"] = &openapi3.HeaderRef{Ref: "#/components/headers/Retry-After"}
		}
		operation.Responses.Set(strconv.Itoa(status), &openapi3.ResponseRef{Value: answer})
	}
	operation.Responses.Set("default", &openapi3.ResponseRef{Value: problem(
		"Any other refusal; the group of the route lists its codes.")})
}

func problem(text string) *openapi3.Response {
	answer := openapi3.NewResponse().WithDescription(text).WithContent(openapi3.NewContentWithSchemaRef(
		openapi3.NewSchemaRef(componentsPrefix+"Problem", nil), []string{problemType}))
	answer.Headers = openapi3.Headers{"X-Request-Id": {Ref: "#/components/headers/X-Request-Id"}}
	return answer
}

// describeHeaders adds the headers of a method's success.
func describeHeaders(operation *openapi3.Operation, m access.Method) {
	for status, response := range operation.Responses.Map() {
		if !strings.HasPrefix(status, "2") || response.Value == nil {
			continue
		}
		names := []string{"X-Request-Id"}
		if m.Rule.GetAuth() != policyv1.Auth_AUTH_PLATFORM_KEY {
			names = append(names, "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
		}
		if m.Verb == "POST" {
			names = append(names, "Idempotency-Replayed")
		}
		response.Value.Headers = openapi3.Headers{}
		for _, name := range names {
			response.Value.Headers[name] = &openapi3.HeaderRef{Ref: "#/components/headers/" + name}
		}
	}
}

// headers are those of answers.
func headers() openapi3.Headers {
	out := openapi3.Headers{}
	for name, of := range map[string]struct {
		text   string
		schema *openapi3.Schema
	}{
		"X-Request-Id":         {"Names the request in logs: the caller's own where it was well formed.", openapi3.NewStringSchema()},
		"RateLimit-Limit":      {"How many requests of the user may come at once.", openapi3.NewInt32Schema()},
		"RateLimit-Remaining":  {"How many of them are left.", openapi3.NewInt32Schema()},
		"RateLimit-Reset":      {"Seconds until all may come at once again.", openapi3.NewInt32Schema()},
		"Retry-After":          {"Seconds to wait before the next request.", openapi3.NewInt32Schema()},
		"ETag":                 {"The version and a digest of the answer. `If-Match` is compared by the version, `If-None-Match` by all of it.", openapi3.NewStringSchema()},
		"Idempotency-Replayed": {"`true` where this is the answer to an earlier request with the same key.", openapi3.NewStringSchema()},
	} {
		out[name] = &openapi3.HeaderRef{Value: &openapi3.Header{Parameter: openapi3.Parameter{
			Description: of.text, Schema: openapi3.NewSchemaRef("", of.schema),
		}}}
	}
	return out
}

// codesOf lists the codes of a group of the contract's reasons, as Markdown.
func codesOf(title string) string {
	var b strings.Builder
	for _, group := range reason.All() {
		if group.Title != title {
			continue
		}
		b.WriteString("\n\n| code | status | what it says | what to do |\n|---|---|---|---|\n")
		for _, r := range group.Reasons {
			if r.Inside || strings.Contains(r.Name, "cipp") {
				continue // stands in logs alone, or is not offered
			}
			var statuses []string
			for _, status := range slices.Compact(r.Statuses()) {
				statuses = append(statuses, strconv.Itoa(status))
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Name, strings.Join(statuses, ", "), cell(r.Text), cell(r.Do))
		}
	}
	return b.String()
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
