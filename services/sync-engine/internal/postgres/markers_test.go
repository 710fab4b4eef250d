package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// TestACreatedContactCarriesItsFieldsAndMarkers reads all that a round writes for one identity.
func TestACreatedContactCarriesItsFieldsAndMarkers(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ann := person("o-ann", "Ann Lee", "ann@corp.example")
	ann.MobilePhone, ann.JobTitle = "+49 170 1", "Engineer"
	e.dir.users = []syncengine.User{ann}
	require.Equal(t, 1, e.round().Counters.Created)
	require.Equal(t, []string{"Ann Lee|ann@corp.example|+49 170 1|Engineer|o-ann@corp.example|entra_sync"},
		e.rows(`SELECT concat_ws('|', full_name, email, phone, role, entra_user_principal_name, entra_sync_source) FROM contacts`))
	seen := e.now
	require.Equal(t, 1, e.count(`SELECT count(*) FROM entra_contact_links WHERE last_seen_at = $1 AND last_synced_at = $1 AND status = 'active'`, seen))
}
