package openapi

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
	contracts "github.com/entrasync/entrasync/proto"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

func trimService(name string) string { return strings.TrimSuffix(name, "Service") }

// group lists the groups that have routes, each with the codes of its own.
func group(doc *openapi3.T) {
	used := map[string]bool{}
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			for _, name := range operation.Tags {
				used[name] = true
			}
		}
	}
	abouts := map[string]tag{}
	for _, t := range tags {
		abouts[t.name] = t
	}
	doc.Tags = nil
	type section struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	var order []section
	add := func(title string, names []string) {
		s := section{Name: title}
		for _, name := range names {
			if !used[name] {
				continue
			}
			delete(used, name)
			of, ok := abouts[name]
			if !ok {
				of = tagOf(name + "Service")
			}
			description := of.about
			if of.reasons != "Every call" {
				description += codesOf(of.reasons)
			}
			doc.Tags = append(doc.Tags, &openapi3.Tag{Name: name, Description: description})
			s.Tags = append(s.Tags, name)
		}
		if len(s.Tags) > 0 {
			order = append(order, s)
		}
	}
	for _, s := range sections {
		add(s.name, s.tags)
	}
	var rest []string
	for name := range used {
		rest = append(rest, name)
	}
	slices.Sort(rest)
	add("More", rest)
	doc.Extensions = map[string]any{"x-tagGroups": order}
}

// dropUnused leaves out schemas that no route names: those of bodies that REST
// takes otherwise.
func dropUnused(doc *openapi3.T) {
	for {
		raw, err := json.Marshal(doc)
		if err != nil {
			return // the caller will see it
		}
		dropped := false
		for name := range doc.Components.Schemas {
			if !strings.Contains(string(raw), `"`+componentsPrefix+name+`"`) {
				delete(doc.Components.Schemas, name)
				dropped = true
			}
		}
		if !dropped {
			return
		}
	}
}

// addEvents describes the one stream, which is no method of a contract.
func addEvents(doc *openapi3.T, r *ruler) {
	const progress = "RunProgress"
	message := (&syncenginev1.RunProgress{}).ProtoReflect().Descriptor()
	doc.Components.Schemas[progress] = openapi3.NewSchemaRef("", schemaOf(doc, message))
	maps.Copy(r.comments, commentsOf(contracts.Progress))
	r.message(openapi3.NewSchemaRef(componentsPrefix+progress, nil), message, given)
	stream := openapi3.NewResponse().WithDescription("Events named `progress`, each with the managed tenants that have changed; the last says how the run ended. A comment every 15 seconds.")
	stream.Content = openapi3.Content{"text/event-stream": openapi3.NewMediaType().WithSchemaRef(openapi3.NewSchemaRef(componentsPrefix+progress, nil))}
	operation := openapi3.NewOperation()
	operation.OperationID, operation.Summary = "WatchRun", "Follow a run until it has ended."
	operation.Description = "Server-sent events. `Last-Event-ID` goes on where a stream broke off; a run that has ended, and whose last event came, is answered 204.\n\n" +
		"Needs: permission " + access.Read + ", flag entra-integration-ui, the enterprise edition."
	operation.Tags = []string{"Runs"}
	operation.AddParameter(openapi3.NewPathParameter("runId").WithDescription("The run's id.").WithSchema(openapi3.NewStringSchema()))
	operation.AddParameter(openapi3.NewHeaderParameter("Last-Event-ID").WithDescription("The id of the last event that came.").WithSchema(openapi3.NewStringSchema()))
	operation.AddResponse(200, stream)
	operation.AddResponse(204, openapi3.NewResponse().WithDescription("Nothing more follows."))
	operation.AddResponse(401, problem("`unauthenticated`"))
	operation.AddResponse(404, problem("`not_found`, `feature_disabled`"))
	operation.Responses.Set("default", &openapi3.ResponseRef{Value: problem("Any other refusal.")})
	operation.Security = openapi3.NewSecurityRequirements().With(openapi3.NewSecurityRequirement().Authenticate(bearer)).
		With(openapi3.NewSecurityRequirement().Authenticate(cookie))
	doc.Paths.Set("/api/integrations/entra/sync/runs/{runId}/events", &openapi3.PathItem{Get: operation})
}

// contractField is a field of a message in the text of a contract.
var contractField = regexp.MustCompile(`^  (?:repeated |optional )?[\w.]+ (\w+) = \d+`)

// commentsOf reads the comments of fields, by "Message.field", from the text of a
// contract: of messages that no route of a contract has, the generated description has
// none.
func commentsOf(contract string) map[string]string {
	comments := map[string]string{}
	var message string
	var comment []string
	for line := range strings.SplitSeq(contract, "\n") {
		if name, ok := strings.CutPrefix(line, "message "); ok {
			message, _, _ = strings.Cut(name, " ")
		}
		if text, ok := strings.CutPrefix(line, "  // "); ok {
			comment = append(comment, text)
			continue
		}
		if found := contractField.FindStringSubmatch(line); found != nil {
			comments[message+"."+protojson(found[1])] = strings.Join(comment, " ")
		}
		comment = nil
	}
	return comments
}

// protojson is a field's name in JSON.
func protojson(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		words[i+1] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, "")
}

// schemaOf makes the schema of a message that no route of a contract has.
func schemaOf(doc *openapi3.T, message protoreflect.MessageDescriptor) *openapi3.Schema {
	schema := openapi3.NewObjectSchema()
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		of := openapi3.NewSchemaRef("", plain(field.Kind()))
		if inner := field.Message(); inner != nil {
			name := string(inner.Name())
			if doc.Components.Schemas[name] == nil {
				doc.Components.Schemas[name] = openapi3.NewSchemaRef("", schemaOf(doc, inner))
			}
			of = openapi3.NewSchemaRef(componentsPrefix+name, nil)
		}
		if field.IsList() {
			list := openapi3.NewArraySchema()
			list.Items = of
			of = openapi3.NewSchemaRef("", list)
		}
		schema.WithPropertyRef(field.JSONName(), of)
	}
	return schema
}

// tag is a group of routes.
type tag struct {
	name    string
	about   string
	reasons string // the title of the contract's reasons that belong to it
}

// tags are the groups of the contracts' services.
var tags = map[string]tag{
	"StatusService":         {"Status", "How the integration stands and what needs a person.", "Every call"},
	"ConnectionService":     {"Connection", "Connecting to Microsoft, and the app registration that is used for it.", "Connection"},
	"DiscoveryService":      {"Discovery", "The managed tenants that the partner's account reaches.", "Discovery and mapping"},
	"MappingService":        {"Mapping", "Which managed tenant belongs to which client.", "Discovery and mapping"},
	"ClientService":         {"Clients", "The host's clients.", "Discovery and mapping"},
	"ChangeService":         {"Change feed", "What became of contacts and clients, in order and without gaps.", "Every call"},
	"WebhookService":        {"Webhooks", "Endpoints of the host to which events are sent.", "Every call"},
	"ContactService":        {"Contacts", "The clients' contacts.", "Runs"},
	"OrchestrationService":  {"Sync", "Starting syncs and previews.", "Runs"},
	"RunService":            {"Runs", "What syncs did and do.", "Runs"},
	"ReportService":         {"Runs", "What syncs did and do.", "Runs"},
	"FilterTestService":     {"Settings", "Schedule, filters, field rules and guards.", "Runs"},
	"DecisionService":       {"Runs", "What syncs did and do.", "Runs"},
	"SettingsService":       {"Settings", "Schedule, filters, field rules and guards.", "Runs"},
	"ReconciliationService": {"Review queue", "Identities that a person has to decide about.", "Review queue"},
	"FeatureFlagService":    {"Feature flags", "Which features are on for the caller's tenant.", "Every call"},
	"PlatformFlagService":   {"Platform", "The platform's own routes: flags and the tenants that have them.", "Platform flags"},
	"AuditService":          {"Audit", "Who did what.", "Every call"},
}

// tagOf gives the group of a service; a service that is not listed is one of its own.
func tagOf(service string) tag {
	if t, ok := tags[service]; ok {
		return t
	}
	return tag{name: trimService(service), about: "Routes of " + trimService(service) + ".", reasons: "Every call"}
}

// sections order the groups on the page.
var sections = []struct {
	name string
	tags []string
}{
	{"Setting up", []string{"Status", "Connection", "Discovery", "Mapping"}},
	{"Syncing", []string{"Sync", "Runs", "Review queue", "Settings"}},
	{"Data", []string{"Clients", "Contacts", "Change feed", "Webhooks"}},
	{"Administration", []string{"Feature flags", "Audit", "Platform"}},
}
