package structure

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

var (
	knownPermissions = []string{"system_settings.read", "system_settings.update", "personal_data.manage"}
	knownFlags       = []string{
		"entra-integration-ui", "entra-integration-client-sync-action", "entra-integration-cipp",
		"entra-integration-field-sync", "entra-integration-ambiguous-queue",
	}
	knownCallers = []string{"gateway", "connection", "discovery", "mapping", "sync-engine", "reconciliation", "worker"}
)

func everyMethod(visit func(protoreflect.MethodDescriptor)) {
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "entrasync.") {
			return true
		}
		for i := range file.Services().Len() {
			for j := range file.Services().Get(i).Methods().Len() {
				visit(file.Services().Get(i).Methods().Get(j))
			}
		}
		return true
	})
}

func TestEveryMethodSaysWhoMayCall(t *testing.T) {
	t.Parallel()
	seen := 0
	everyMethod(func(m protoreflect.MethodDescriptor) {
		seen++
		name := m.FullName()
		public, internal := proto.HasExtension(m.Options(), policyv1.E_Rule), proto.HasExtension(m.Options(), policyv1.E_Internal)
		require.True(t, public != internal, "%s must carry either a rule or a list of callers", name)
		if public {
			checkRule(t, m, proto.GetExtension(m.Options(), policyv1.E_Rule).(*policyv1.Rule))
			return
		}
		callers := proto.GetExtension(m.Options(), policyv1.E_Internal).(*policyv1.Internal).GetCallers()
		require.NotEmpty(t, callers, name)
		for _, caller := range callers {
			require.Contains(t, knownCallers, caller, name)
		}
		require.False(t, proto.HasExtension(m.Options(), annotations.E_Http), "%s is internal and has a public address", name)
	})
	require.Positive(t, seen)
}

func checkRule(t *testing.T, m protoreflect.MethodDescriptor, rule *policyv1.Rule) {
	t.Helper()
	name := m.FullName()
	require.NotEqual(t, policyv1.Auth_AUTH_UNSPECIFIED, rule.GetAuth(), name)
	require.True(t, proto.HasExtension(m.Options(), annotations.E_Http), "%s has no HTTP address", name)
	if rule.GetAuth() == policyv1.Auth_AUTH_USER {
		require.Contains(t, knownPermissions, rule.GetPermission(), name)
	}
	for _, flag := range rule.GetFlags() {
		require.Contains(t, knownFlags, flag, name)
	}
	for _, when := range rule.GetWhen() {
		require.Contains(t, knownFlags, when.GetFlag(), name)
		message := m.Input()
		for step := range strings.SplitSeq(when.GetField(), ".") {
			require.NotNil(t, message, "%s: no field %s", name, when.GetField())
			field := message.Fields().ByName(protoreflect.Name(step))
			require.NotNil(t, field, "%s: no field %s", name, when.GetField())
			message = field.Message()
		}
	}
	path, verb := address(m)
	if verb != "GET" && rule.GetAuth() == policyv1.Auth_AUTH_USER && !strings.HasSuffix(path, "/test-filters") {
		permission := "system_settings.update"
		if strings.HasPrefix(path, "/api/people/") { // more than settings: what is known of single people
			permission = "personal_data.manage"
		}
		require.Equal(t, permission, rule.GetPermission(), "%s changes something", name)
	}
	if strings.HasPrefix(path, "/api/integrations/entra") {
		require.True(t, slices.Contains(rule.GetFlags(), "entra-integration-ui"), "%s must ask for the integration's flag", name)
		require.True(t, rule.GetEnterprise(), "%s belongs to the enterprise edition", name)
	}
}

func address(m protoreflect.MethodDescriptor) (path, verb string) {
	http := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	switch p := http.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return p.Get, "GET"
	case *annotations.HttpRule_Post:
		return p.Post, "POST"
	case *annotations.HttpRule_Put:
		return p.Put, "PUT"
	case *annotations.HttpRule_Patch:
		return p.Patch, "PATCH"
	case *annotations.HttpRule_Delete:
		return p.Delete, "DELETE"
	}
	return "", ""
}

func TestPublicAndInternalMethodsLiveApart(t *testing.T) {
	t.Parallel()
	kinds := map[protoreflect.FullName]bool{}
	everyMethod(func(m protoreflect.MethodDescriptor) {
		public := proto.HasExtension(m.Options(), policyv1.E_Rule)
		service := m.Parent().FullName()
		before, known := kinds[service]
		require.True(t, !known || before == public, "%s mixes public and internal methods", service)
		kinds[service] = public
	})
}
