package acceptance

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
)

// rowVersions are the versions (xmin) of every contact and link of an MSP: they change when a row
// is written, and only then. The interface cannot show that.
func (w *world) rowVersions(t testing.TB, tenant string) map[string]string {
	t.Helper()
	conn := w.database(t)
	found, err := conn.Query(t.Context(), `
		SELECT 'contact ' || id, xmin::text FROM syncengine.contacts WHERE tenant_id = $1
		UNION ALL
		SELECT 'link ' || entra_tenant_id || ' ' || entra_object_id, xmin::text FROM syncengine.entra_contact_links WHERE tenant_id = $1`, tenant)
	require.NoError(t, err)
	versions := map[string]string{}
	var name, version string
	_, err = pgx.ForEachRow(found, []any{&name, &version}, func() error {
		versions[name] = version
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, versions)
	return versions
}

// lastSync is when sync last saw each linked contact.
func lastSync(t testing.TB, c *hostclient.Client) map[string]time.Time {
	t.Helper()
	contacts, err := c.Contacts(t.Context(), map[string][]string{"entra": {"linked"}})
	require.NoError(t, err)
	seen := map[string]time.Time{}
	for _, contact := range contacts {
		require.NotNil(t, contact.LastEntraSyncAt)
		seen[contact.ID] = *contact.LastEntraSyncAt
	}
	require.NotEmpty(t, seen)
	return seen
}

func problemOf(t testing.TB, err error) *hostclient.Problem {
	t.Helper()
	var p *hostclient.Problem
	require.True(t, errors.As(err, &p), "want a refusal, got %v", err)
	return p
}

// ours are the processes whose logs tell why a test failed.
var ours = []string{"connection", "discovery", "gateway", "mapping", "reconciliation", "sync-engine", "worker"}

// showLogs prints the ends of the logs of a system whose test failed.
func showLogs(t testing.TB, folder string) {
	t.Helper()
	for _, process := range ours {
		b, err := os.ReadFile(filepath.Join(folder, process+".log"))
		if err != nil {
			continue
		}
		if len(b) > 1500 {
			b = b[len(b)-1500:]
		}
		t.Logf("--- %s\n%s", process, b)
	}
}
