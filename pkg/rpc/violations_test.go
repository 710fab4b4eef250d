package rpc_test

import (
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

func violations(t *testing.T, err error) []errs.Violation {
	t.Helper()
	e := rpc.Normalise(err)
	require.Equal(t, "request_invalid", e.Reason(), "%v", err)
	return e.Violations()
}

func TestAnAnswerNamesAHundredFieldsAndHowManyMoreThereAre(t *testing.T) {
	t.Parallel()
	validator, err := protovalidate.New()
	require.NoError(t, err)
	decisions := func(n int) *mappingv1.ConfirmMappingsRequest {
		request := &mappingv1.ConfirmMappingsRequest{}
		for range n {
			request.Decisions = append(request.Decisions, &mappingv1.MappingDecision{Decision: "map"})
		}
		return request
	}
	require.Len(t, violations(t, rpc.Validate(validator, decisions(100))), 100, "no id each")
	many := violations(t, rpc.Validate(validator, decisions(5000)))
	require.Len(t, many, 101)
	require.Equal(t, "decisions[99].managedTenantId", many[99].Field)
	require.Equal(t, errs.Violation{Message: "and 4900 more"}, many[100])
	require.Equal(t, []errs.Violation{{Field: "decisions", Message: "must contain no more than 5000 item(s)"}},
		violations(t, rpc.Validate(validator, decisions(5001))), "its elements are not looked at")

	// A message within, a field of the whole and a rule of the list together.
	request := &mappingv1.ConfirmMappingsRequest{}
	require.Equal(t, "decisions", violations(t, rpc.Validate(validator, request))[0].Field)
	long := strings.Repeat("x", 65)
	request.Decisions = []*mappingv1.MappingDecision{{ManagedTenantId: "m", Decision: "map", ClientId: &long}}
	require.Equal(t, "decisions[0].clientId", violations(t, rpc.Validate(validator, request))[0].Field)
}

func TestARuleAboutSeveralFieldsNamesTheFirst(t *testing.T) {
	t.Parallel()
	validator, err := protovalidate.New()
	require.NoError(t, err)
	require.Equal(t, []errs.Violation{{Field: "userPrincipalName", Message: "name one of userPrincipalName, entraObjectId and query"}},
		violations(t, rpc.Validate(validator, &syncenginev1.ExplainRequest{})))
}

func TestViolationsHaveAnEnd(t *testing.T) {
	t.Parallel()
	var long rpc.Violations
	for range 100 {
		long.Add(strings.Repeat("ü\xff", 1<<20), strings.Repeat("m", 1<<20))
	}
	size := 0
	list := long.List()
	for _, v := range list {
		size += len(v.Field) + len(v.Message)
		require.True(t, strings.HasPrefix(v.Message, "and ") || len(v.Field) <= 256)
	}
	require.Less(t, size, 21<<10)
	require.Contains(t, list[len(list)-1].Message, "more")

	e := errs.New(errs.Invalid, "odd", "Odd.", errs.WithViolations(list...), errs.WithMetadata("id", "7"))
	require.Same(t, e, rpc.BoundViolations(e), "what was bounded once stays as it is")
	var all []errs.Violation
	for range 300 {
		all = append(all, errs.Violation{Field: "f", Message: "m"})
	}
	bounded := rpc.BoundViolations(errs.New(errs.Invalid, "odd", "Odd.", errs.WithViolations(all...), errs.WithMetadata("id", "7")))
	require.Equal(t, "and 200 more", bounded.Violations()[100].Message)
	require.Equal(t, "7", bounded.Metadata()["id"])
	require.Equal(t, "Odd.", bounded.Public())
}
