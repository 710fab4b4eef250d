// Package access decides who may call what, how often and how much. It reads from the
// contracts which methods are public and who may call them. The gateway mounts what it
// finds here and nothing else.
package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/entrasync/entrasync/gateway/internal/flags"
	"github.com/entrasync/entrasync/pkg/rpc"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// The permissions that a person may have.
const (
	Read   = "system_settings.read"
	Update = "system_settings.update"
	// People is to show and to erase all that is stored about single people.
	People = "personal_data.manage"
)

// integration is the root of the routes that need the edition and the flag.
const integration = "/api/integrations/entra"

// Method is one public method.
type Method struct {
	Procedure  string // "/entrasync.mapping.v1.MappingService/ConfirmMappings"
	Service    protoreflect.FullName
	Descriptor protoreflect.MethodDescriptor
	Rule       *policyv1.Rule
	Verb       string // the HTTP method of the REST route
	Path       string // its template: "/api/clients/{id}"
	Body       string // "*", the field that the body is, or empty when the request has none
}

// Bounds of requests, see the contract's max_body_bytes.
const (
	defaultBody = 1 << 20
	LargestBody = 5 << 20
)

// MaxBody is how many bytes a request may have, before and after decompression.
func (m Method) MaxBody() int64 {
	if n := m.Rule.GetMaxBodyBytes(); n > 0 {
		return int64(n)
	}
	return defaultBody
}

// Name is the method without the leading slash, as audit shows it.
func (m Method) Name() string { return strings.TrimPrefix(m.Procedure, "/") }

// Audited reports whether calls of the method are written to the audit log.
func (m Method) Audited() bool {
	return m.Rule.GetPermission() == Update || m.Rule.GetPermission() == People || m.Rule.GetAuth() == policyv1.Auth_AUTH_PLATFORM_KEY
}

// PublicMethods finds every public method of the linked contracts, by procedure, and
// checks all contracts: each method has a rule or names its callers, not both,
// and what rules name exists.
func PublicMethods() ([]Method, error) {
	var methods []Method
	var problems []error
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "entrasync.") {
			return true
		}
		for i := range file.Services().Len() {
			found, err := read(file.Services().Get(i))
			methods = append(methods, found...)
			problems = append(problems, err)
		}
		return true
	})
	slices.SortFunc(methods, func(a, b Method) int { return strings.Compare(a.Procedure, b.Procedure) })
	return methods, errors.Join(problems...)
}

// unoffered are public services that the gateway mounts only where its
// configuration says so, and that no description of the interface names.
var unoffered = map[protoreflect.FullName]bool{"entrasync.connection.v1.CippService": true}

// Offered are the methods that are always mounted and described.
func Offered(methods []Method) []Method {
	return slices.DeleteFunc(slices.Clone(methods), func(m Method) bool { return unoffered[m.Service] })
}

// read gives the public methods of one service; a service is public or
// internal as a whole.
func read(service protoreflect.ServiceDescriptor) ([]Method, error) {
	var methods []Method
	var problems []error
	total := service.Methods().Len()
	for i := range total {
		descriptor := service.Methods().Get(i)
		options := descriptor.Options()
		public, internal := proto.HasExtension(options, policyv1.E_Rule), proto.HasExtension(options, policyv1.E_Internal)
		if public == internal {
			problems = append(problems, fmt.Errorf("%s: needs a rule or internal callers, and not both", descriptor.FullName()))
			continue
		}
		if !public {
			if len(proto.GetExtension(options, policyv1.E_Internal).(*policyv1.Internal).GetCallers()) == 0 {
				problems = append(problems, fmt.Errorf("%s: nobody may call it", descriptor.FullName()))
			}
			continue
		}
		method := Method{
			Procedure: fmt.Sprintf("/%s/%s", service.FullName(), descriptor.Name()),
			Service:   service.FullName(), Descriptor: descriptor,
			Rule: proto.GetExtension(options, policyv1.E_Rule).(*policyv1.Rule),
		}
		method.Verb, method.Path, method.Body = route(descriptor)
		problems = append(problems, check(method))
		methods = append(methods, method)
	}
	if len(methods) > 0 && len(methods) < total {
		problems = append(problems, fmt.Errorf("%s: mixes public and internal methods", service.FullName()))
	}
	return methods, errors.Join(problems...)
}

// route is the REST route of a method, empty without one.
func route(descriptor protoreflect.MethodDescriptor) (verb, path, body string) {
	if !proto.HasExtension(descriptor.Options(), annotations.E_Http) {
		return "", "", ""
	}
	rule := proto.GetExtension(descriptor.Options(), annotations.E_Http).(*annotations.HttpRule)
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return "GET", pattern.Get, rule.GetBody()
	case *annotations.HttpRule_Post:
		return "POST", pattern.Post, rule.GetBody()
	case *annotations.HttpRule_Put:
		return "PUT", pattern.Put, rule.GetBody()
	case *annotations.HttpRule_Patch:
		return "PATCH", pattern.Patch, rule.GetBody()
	case *annotations.HttpRule_Delete:
		return "DELETE", pattern.Delete, rule.GetBody()
	}
	return "", "", ""
}

// check says what is wrong with a public method.
func check(m Method) error {
	name := m.Descriptor.FullName()
	if m.Verb == "" {
		return fmt.Errorf("%s: has no HTTP route", name)
	}
	if m.Descriptor.IsStreamingClient() || m.Descriptor.IsStreamingServer() {
		return fmt.Errorf("%s: public methods do not stream", name)
	}
	for _, when := range m.Rule.GetWhen() {
		switch {
		case fieldsAt(m.Descriptor.Input(), when.GetField()) == nil:
			return fmt.Errorf("%s: its rule asks for a field %q that the request does not have", name, when.GetField())
		case when.GetCondition() == nil:
			return fmt.Errorf("%s: its rule has a when without a condition", name)
		case !slices.Contains(flags.Known(), when.GetFlag()):
			return fmt.Errorf("%s: its rule names the unknown flag %q", name, when.GetFlag())
		}
	}
	if err := CheckRule(m.Path, m.Rule); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if n := m.Rule.GetMaxBodyBytes(); n < 0 || n > LargestBody {
		return fmt.Errorf("%s: its rule allows bodies of %d bytes", name, n)
	}
	if err := bounded(m.Descriptor.Input(), nil); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// bounded says what in a request has no limit: a list or a map without one in the
// contract, and a message that can hold itself.
func bounded(message protoreflect.MessageDescriptor, within []protoreflect.FullName) error {
	if slices.Contains(within, message.FullName()) {
		return fmt.Errorf("%s can hold itself", message.FullName())
	}
	within = append(within, message.FullName())
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if _, ok := rpc.MaxItems(field); !ok && (field.IsList() || field.IsMap()) {
			return fmt.Errorf("%s has no limit to its elements", field.FullName())
		}
		inner := field.Message()
		if field.IsMap() {
			inner = field.MapValue().Message()
		}
		if inner != nil {
			if err := bounded(inner, within); err != nil {
				return err
			}
		}
	}
	return nil
}

// CheckRule says what is wrong with the rule of a route, of a method or not.
func CheckRule(path string, rule *policyv1.Rule) error {
	switch rule.GetAuth() {
	case policyv1.Auth_AUTH_USER:
		if !slices.Contains([]string{Read, Update, People}, rule.GetPermission()) {
			return fmt.Errorf("its rule names the unknown permission %q", rule.GetPermission())
		}
	case policyv1.Auth_AUTH_SIGNED_IN, policyv1.Auth_AUTH_PLATFORM_KEY, policyv1.Auth_AUTH_OAUTH_STATE:
		if rule.GetPermission() != "" {
			return errors.New("its rule names a permission that its auth does not ask for")
		}
	default:
		return errors.New("its rule does not say who may call")
	}
	for _, flag := range rule.GetFlags() {
		if !slices.Contains(flags.Known(), flag) {
			return fmt.Errorf("its rule names the unknown flag %q", flag)
		}
	}
	if path == integration || strings.HasPrefix(path, integration+"/") {
		if !rule.GetEnterprise() || len(rule.GetFlags()) == 0 || rule.GetFlags()[0] != flags.UI {
			return fmt.Errorf("routes under %s need the enterprise edition and %s", integration, flags.UI)
		}
	}
	return nil
}
