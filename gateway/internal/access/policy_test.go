package access

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1" // a contract to stand for all
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// service makes a service with one method for each set of options.
func service(t *testing.T, options ...*descriptorpb.MethodOptions) protoreflect.ServiceDescriptor {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("made.proto"), Package: proto.String("entrasync.made.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: proto.String("Endless"),
			Field: []*descriptorpb.FieldDescriptorProto{{
				Name: proto.String("names"), Number: proto.Int32(1), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
				Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum(),
			}},
		}, {
			Name: proto.String("Nested"),
			Field: []*descriptorpb.FieldDescriptorProto{{
				Name: proto.String("inner"), Number: proto.Int32(1), Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(),
				Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), TypeName: proto.String(".entrasync.made.v1.Nested"),
			}},
		}, {
			Name: proto.String("Request"),
			Field: []*descriptorpb.FieldDescriptorProto{{
				Name: proto.String("scope"), Number: proto.Int32(1), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
				Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
			}},
		}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("MadeService")}},
	}
	for i, o := range options {
		file.Service[0].Method = append(file.Service[0].Method, &descriptorpb.MethodDescriptorProto{
			Name: proto.String("Method" + string(rune('A'+i))), InputType: proto.String(".entrasync.made.v1.Request"),
			OutputType: proto.String(".entrasync.made.v1.Request"), Options: o,
		})
	}
	made, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	require.NoError(t, err)
	return made.Services().Get(0)
}

func public(path string, rule *policyv1.Rule) *descriptorpb.MethodOptions {
	o := &descriptorpb.MethodOptions{}
	if path != "" {
		proto.SetExtension(o, annotations.E_Http, &annotations.HttpRule{Pattern: &annotations.HttpRule_Get{Get: path}})
	}
	if rule != nil {
		proto.SetExtension(o, policyv1.E_Rule, rule)
	}
	return o
}

func internal(callers ...string) *descriptorpb.MethodOptions {
	o := &descriptorpb.MethodOptions{}
	proto.SetExtension(o, policyv1.E_Internal, &policyv1.Internal{Callers: callers})
	return o
}

func TestTheContractsAreInOrder(t *testing.T) {
	t.Parallel()
	methods, err := PublicMethods()
	require.NoError(t, err)
	require.NotEmpty(t, methods)
	for _, m := range methods {
		require.False(t, strings.HasSuffix(string(m.Service), "InternalService"), m.Procedure)
	}
}

func TestABrokenContractIsNamed(t *testing.T) {
	t.Parallel()
	user := func(change func(*policyv1.Rule)) *policyv1.Rule {
		r := &policyv1.Rule{Auth: policyv1.Auth_AUTH_USER, Permission: Read}
		change(r)
		return r
	}
	fine := user(func(*policyv1.Rule) {})
	both := public("/api/x", fine)
	proto.SetExtension(both, policyv1.E_Internal, &policyv1.Internal{Callers: []string{"worker"}})
	for want, options := range map[string][]*descriptorpb.MethodOptions{
		"needs a rule or internal callers":     {public("/api/x", nil)},
		"and not both":                         {both},
		"nobody may call":                      {internal()},
		"mixes public and internal":            {public("/api/x", fine), internal("worker")},
		"has no HTTP route":                    {public("", fine)},
		"does not say who may call":            {public("/api/x", &policyv1.Rule{})},
		"unknown permission \"\"":              {public("/api/x", &policyv1.Rule{Auth: policyv1.Auth_AUTH_USER})},
		"unknown permission \"other\"":         {public("/api/x", user(func(r *policyv1.Rule) { r.Permission = "other" }))},
		"permission that its auth":             {public("/api/x", user(func(r *policyv1.Rule) { r.Auth = policyv1.Auth_AUTH_SIGNED_IN }))},
		"unknown flag \"other\"":               {public("/api/x", user(func(r *policyv1.Rule) { r.Flags = []string{"other"} }))},
		"need the enterprise edition":          {public("/api/integrations/entra/x", fine)},
		"allows bodies of 5242881 bytes":       {public("/api/x", user(func(r *policyv1.Rule) { r.MaxBodyBytes = LargestBody + 1 }))},
		"allows bodies of -1 bytes":            {public("/api/x", user(func(r *policyv1.Rule) { r.MaxBodyBytes = -1 }))},
		"a field \"nothing\" that the request": {public("/api/x", user(func(r *policyv1.Rule) { r.When = []*policyv1.When{{Field: "nothing"}} }))},
		"a when without a condition":           {public("/api/x", user(func(r *policyv1.Rule) { r.When = []*policyv1.When{{Field: "scope"}} }))},
		"its rule names the unknown flag \"elsewhere\"": {public("/api/x", user(func(r *policyv1.Rule) {
			r.When = []*policyv1.When{{Field: "scope", Condition: &policyv1.When_Present{Present: true}, Flag: "elsewhere"}}
		}))},
	} {
		_, err := read(service(t, options...))
		require.ErrorContains(t, err, want)
	}
	for message, want := range map[string]string{"Endless": "names has no limit to its elements", "Nested": "Nested can hold itself"} {
		descriptor := service(t).ParentFile().Messages().ByName(protoreflect.Name(message))
		require.ErrorContains(t, bounded(descriptor, nil), want)
	}
	methods, err := read(service(t, public("/api/x", fine)))
	require.NoError(t, err)
	require.Len(t, methods, 1)
	require.Equal(t, "/entrasync.made.v1.MadeService/MethodA", methods[0].Procedure)
}
