package structure

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const guide = "docs/guide/setup.md"

var (
	shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")
	// A call of the guide's shell functions: method, address, and a body in single quotes, in
	// which '"$NAME"' stands for the value of a variable.
	guideCall     = regexp.MustCompile(`\b(?:entra|platform) +([A-Z]+) +['"]?([^\s'")]+)['"]?(?: +'((?:[^']|'"\$\w+"')*)')?`)
	shellVariable = regexp.MustCompile(`'?"?\$\w+"?'?`)
	// A conflict; an error that is made of its reason alone is one by its usual kind.
	conflicts = regexp.MustCompile(`errs\.(?:Conflict, |Of\()reason\.(\w+)`)
)

// codes is where the codes stand that the guide must explain.
var codes = map[string]*regexp.Regexp{
	"services/connection/internal/connection/failure.go":      regexp.MustCompile(`\tReason\w+ += reason\.(\w+)`),
	"services/connection/internal/connection/finish_flow.go":  regexp.MustCompile(`\tfail\w+ += reason\.(\w+)`),
	"services/mapping/internal/mapping/confirm.go":            regexp.MustCompile(`\tRunError\w+ += reason\.(\w+)`),
	"services/mapping/internal/mapping/change.go":             conflicts,
	"services/mapping/internal/mapping/orphans.go":            conflicts,
	"services/mapping/internal/mapping/plan.go":               conflicts,
	"services/sync-engine/internal/syncengine/failure.go":     regexp.MustCompile(`\tFailure\w+ += "(\w+)"`),
	"services/sync-engine/internal/syncengine/filter.go":      regexp.MustCompile(`\tFilter\w+ += "(\w+)"`),
	"services/sync-engine/internal/syncengine/guard.go":       regexp.MustCompile(`\tHeld\w+ += "(\w+)"`),
	"services/reconciliation/internal/reconciliation/item.go": regexp.MustCompile(`\t\w+ +Reason = "(\w+)"`),
	"services/worker/internal/orchestration/problem.go":       regexp.MustCompile(`\breason\.([A-Z]\w+)(?:,| //|\n)`),
	"gateway/internal/flags/flags.go":                         regexp.MustCompile(`\t\w+ += "(entra-[\w-]+)"`),
}

// TestTheGuideAgreesWithTheContracts reads the guide as the gateway would: every call has a
// route, every body and parameter is one of its request, every code that a person can meet is
// explained.
func TestTheGuideAgreesWithTheContracts(t *testing.T) {
	t.Parallel()
	tree := source{root: repository(t)}
	text := tree.read(t, guide)

	calls := 0
	for _, block := range shellBlock.FindAllStringSubmatch(text, -1) {
		for _, call := range guideCall.FindAllStringSubmatch(block[1], -1) {
			calls++
			path, query, _ := strings.Cut(call[2], "?")
			method, ok := tree.route(t, call[1], shellVariable.ReplaceAllString(path, "x"))
			require.True(t, ok && method != nil, "the guide calls %s %s", call[1], call[2])
			for _, parameter := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' }) {
				name, _, _ := strings.Cut(parameter, "=")
				require.NotNil(t, method.Input().Fields().ByJSONName(name), "%s has no parameter %s", call[2], name)
			}
			if call[3] == "" {
				require.Contains(t, []string{"GET", "DELETE"}, call[1], "%s needs a body", call[2])
				continue
			}
			body := shellVariable.ReplaceAllString(call[3], "x")
			require.NoError(t, protojson.Unmarshal([]byte(body), dynamicpb.NewMessage(bodyOf(method))), "%s %s", call[2], body)
		}
	}
	require.Greater(t, calls, 20)

	for _, span := range codeSpan.FindAllStringSubmatch(text, -1) {
		if route := routeSpan.FindStringSubmatch(span[1]); route != nil {
			require.Empty(t, tree.missing(t, span[1]))
		}
	}
	for file, pattern := range codes {
		found := pattern.FindAllStringSubmatch(tree.read(t, file), -1)
		require.NotEmpty(t, found, "no codes in %s", file)
		for _, code := range found {
			name := code[1]
			if contract := named(name); contract != "" { // a constant of the contract
				name = contract
			}
			if usual, _ := reason.Of(name); strings.HasPrefix(code[0], "errs.Of") && usual.Kinds[0] != reason.KindConflict {
				continue
			}
			require.True(t, strings.Contains(text, "`"+name+"`"), "the guide does not explain %s of %s", name, file)
		}
	}
}

// bodyOf is the message that the body of a call holds: the request, or one field of it.
func bodyOf(method protoreflect.MethodDescriptor) protoreflect.MessageDescriptor {
	http := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
	if field := method.Input().Fields().ByName(protoreflect.Name(http.GetBody())); field != nil {
		return field.Message()
	}
	return method.Input()
}
