package mapping_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// TestAGoneTenantCannotBeMappedAnew: its decision may be repeated or taken back, and it
// may be skipped; an unreadable one can be mapped.
func TestAGoneTenantCannotBeMappedAnew(t *testing.T) {
	t.Parallel()
	tenants := map[string]mapping.ManagedTenant{
		"gone": {ID: "gone", State: mapping.TenantGone}, "mapped": {ID: "mapped", State: mapping.TenantGone}, "unreadable": {ID: "unreadable", State: mapping.TenantUnreadable},
	}
	now := mapping.Current{
		Clients: map[string]mapping.Client{"c1": {ID: "c1"}, "c2": {ID: "c2"}},
		Active:  map[string]mapping.Mapping{"mapped": {ManagedTenantID: "mapped", State: mapping.StateMapped, ClientID: "c1"}},
	}
	for _, c := range []struct {
		decision mapping.Decision
		refused  bool
	}{
		{mapping.Decision{ManagedTenantID: "gone", Kind: mapping.DecideMap, ClientID: "c1"}, true},
		{mapping.Decision{ManagedTenantID: "gone", Kind: mapping.DecideCreateNew}, true},
		{mapping.Decision{ManagedTenantID: "mapped", Kind: mapping.DecideMap, ClientID: "c2"}, true},
		{mapping.Decision{ManagedTenantID: "mapped", Kind: mapping.DecideMap, ClientID: "c1"}, false},
		{mapping.Decision{ManagedTenantID: "mapped", Kind: mapping.DecideSkip}, false},
		{mapping.Decision{ManagedTenantID: "gone", Kind: mapping.DecideSkip}, false},
		{mapping.Decision{ManagedTenantID: "unreadable", Kind: mapping.DecideMap, ClientID: "c1"}, false},
	} {
		_, err := mapping.Plan([]mapping.Decision{c.decision}, nil, tenants, now)
		if !c.refused {
			require.NoError(t, err, c.decision)
			continue
		}
		var e *errs.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, []errs.Violation{{Field: "decisions[0].managedTenantId", Message: "is gone and cannot be mapped anew"}}, e.Violations())
	}
}
