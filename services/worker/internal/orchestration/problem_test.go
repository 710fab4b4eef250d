package orchestration

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// TestAProblemHasTheTextsOfItsReason: whatever a run failed of, it tells what the contract says of it.
// Codes that stand in logs alone, and those that are none, are told in general.
func TestAProblemHasTheTextsOfItsReason(t *testing.T) {
	t.Parallel()
	general := ProblemOf("no_such_reason")
	require.NotEmpty(t, general.Message)
	require.NotEmpty(t, general.Remedy)
	for _, group := range reason.All() {
		for _, r := range group.Reasons {
			want := Problem{Code: r.Name, Message: r.Text, Remedy: r.Do}
			if r.Inside {
				want.Message, want.Remedy = general.Message, general.Remedy
			}
			require.Equal(t, want, ProblemOf(r.Name))
		}
	}
}
