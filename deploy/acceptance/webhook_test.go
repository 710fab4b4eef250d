package acceptance

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	stdsync "sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// TestAReplayTellsOfEveryRunOfThirtyDays gives an MSP some hundred runs that ended in the last days, which it
// writes into the engine's database, and has the gateway send a host all of them again.
func TestAReplayTellsOfEveryRunOfThirtyDays(t *testing.T) {
	t.Parallel()
	const tenant = "replayed-runs"
	w := share(t, fleet.Tiny)
	c := w.msp(t, tenant)
	var mu stdsync.Mutex
	var told []string // ids of runs
	host := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var message struct {
			Data struct {
				RunID        string `json:"runId"`
				TotalTenants int    `json:"totalTenants"`
			} `json:"data"`
		}
		if json.NewDecoder(r.Body).Decode(&message) != nil || message.Data.TotalTenants != 1 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		told = append(told, message.Data.RunID)
		w.WriteHeader(http.StatusNoContent)
	}))
	require.NoError(t, host.Listener.Close())
	var err error
	host.Listener, err = net.Listen("tcp", w.hosts[3])
	require.NoError(t, err)
	host.Start()
	t.Cleanup(host.Close)

	var webhook struct {
		Webhook struct {
			ID string `json:"id"`
		} `json:"webhook"`
	}
	require.NoError(t, c.Do(t.Context(), "PUT", "/api/webhooks", map[string]any{
		"url": "http://" + w.hosts[3] + "/hook", "events": []string{"sync.run.completed", "sync.run.failed", "sync.run.held"},
	}, &webhook))
	db := w.database(t)
	// Those that were made first ended last; one of ten is a dry run, and one a discovery.
	_, err = db.Exec(t.Context(), `
		INSERT INTO syncengine.entra_sync_runs (tenant_id, id, type, dry_run, trigger, state, workflow_id, initiated_by, created_at, completed_at)
		SELECT $1, (lpad(to_hex((extract(epoch FROM now() - interval '2 hours' * n) * 1000)::bigint), 12, '0') || '7' || lpad(n::text, 19, '0'))::uuid,
		       CASE n % 10 WHEN 1 THEN 'discovery' ELSE 'all-tenants' END, n % 10 = 0, 'schedule',
		       (ARRAY['completed', 'partial', 'failed', 'cancelled', 'held'])[1 + n % 5], 'w', 'schedule', now() - interval '2 hours' * n,
		       now() - interval '2 hours' * (351 - n)
		FROM generate_series(1, 350) n`, tenant)
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), `
		INSERT INTO syncengine.entra_sync_run_tenants (tenant_id, run_id, managed_tenant_id, entra_tenant_id, client_id, mapping_revision, group_no,
		    position, state, started_at, completed_at)
		SELECT tenant_id, id, 'm', 'd', '33333333-3333-4333-8333-333333333333', 1, 1, 1, 'completed', completed_at, completed_at
		FROM syncengine.entra_sync_runs WHERE tenant_id = $1`, tenant)
	require.NoError(t, err)
	found, err := db.Query(t.Context(), `SELECT id::text FROM syncengine.entra_sync_runs WHERE tenant_id = $1 AND NOT dry_run AND type <> 'discovery'
		ORDER BY completed_at, id`, tenant)
	require.NoError(t, err)
	want, err := pgx.CollectRows(found, pgx.RowTo[string])
	require.NoError(t, err)
	require.Len(t, want, 280)

	require.NoError(t, c.Do(t.Context(), "POST", "/api/webhooks/"+webhook.Webhook.ID+"/replay", map[string]any{
		"since": time.Now().AddDate(0, 0, -30).UTC().Format(time.RFC3339),
	}, nil))
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) >= len(want)
	}, 3*time.Minute, 100*time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, want, told)
}
