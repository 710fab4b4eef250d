package acceptance

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/local/stack"
)

// TestOneBadUserNeverFailsTheTenant gives one directory users that cannot be taken.
func TestOneBadUserNeverFailsTheTenant(t *testing.T) {
	t.Parallel()
	w := start(t, stack.Options{Fleet: "tiny"})
	c := w.mapped(t, "broken")
	preview, err := c.Preview(t.Context())
	require.NoError(t, err)
	at := slices.IndexFunc(preview.AutoMatched, func(r hostclient.PreviewRow) bool { return r.State == "mapped" })
	require.GreaterOrEqual(t, at, 0)
	tenant := preview.AutoMatched[at].EntraTenantID
	for _, kind := range []string{"missing-id", "long-name", "invalid-utf8", "nul", "duplicate-id", "sql-name"} {
		w.simulator(t, "POST", "/admin/tenants/"+tenant+"/broken", map[string]any{"kind": kind})
	}

	detail := sync(t, c, "initial")
	require.Equal(t, "partial", detail.Run.State)
	for _, result := range detail.TenantResults {
		if result.EntraTenantID != tenant {
			require.Equal(t, "completed", result.State, "%+v", result)
			continue
		}
		require.Equal(t, "partial", result.State)
		require.Equal(t, len(result.Failures), result.Counters.Failed)
		var reasons []string
		for _, f := range result.Failures {
			reasons = append(reasons, f.Reason)
		}
		for _, reason := range []string{"missing_id", "name_too_long", "invalid_utf8", "nul_character", "conflicting_duplicate"} {
			require.Contains(t, reasons, reason)
		}
		require.Positive(t, result.Counters.Created)
	}

	contacts, err := c.Contacts(t.Context(), nil)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(contacts, func(contact hostclient.Contact) bool {
		return contact.FullName == `Robert'); DROP TABLE contacts;-- "Bobby" \ Tables`
	}), "a name with quotes and SQL is stored as it is")
}
