package connection_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// Anybody can call the callback's address: a state that cannot be one of ours is
// refused without a store, which these use cases have not got.
func TestAStateOfTheWrongFormIsNotLookedUp(t *testing.T) {
	t.Parallel()
	find := connection.NewFindFlow(nil)
	finish := connection.NewFinishFlow(nil, nil, nil, nil, nil, nil, connection.Returns{Default: "http://host.example/result"}, nil, nil)
	for _, state := range []string{
		"forged", strings.Repeat("a", 42), strings.Repeat("a", 44), strings.Repeat("a", 42) + "!", strings.Repeat("a", 43) + "\n", "\x00",
	} {
		tenant, err := find.Do(t.Context(), state)
		require.NoError(t, err)
		require.Empty(t, tenant)
		for _, answer := range []connection.Answer{{State: state, Code: "c"}, {State: state, Error: "access_denied"}, {State: state, AdminConsent: true}} {
			require.Equal(t, "http://host.example/result?entra_status=failure&error=invalid_state", finish.Do(t.Context(), answer))
		}
	}
}
