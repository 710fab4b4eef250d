package temporal

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/pkg/secrets"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

func keyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "payload-key.json")
	_, err := secrets.NewKeyFile(path)
	require.NoError(t, err)
	return path
}

// TestSealedPayloadsSayNothing runs a sync, a discovery and a schedule on a Temporal that keeps nothing
// of them in clear text but the ids that they are found by.
func TestSealedPayloadsSayNothing(t *testing.T) {
	t.Parallel()
	payloads, err := Connection{Namespace: namespace, PayloadKeyFile: keyFile(t)}.Payloads()
	require.NoError(t, err)
	b := setupWith(t, peertest.Quick(peertest.Groups(20, 1)), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		if peertest.ManagedTenant(ctx) == "c3-0" {
			return nil, consentMissing()
		}
		return peertest.Done(), nil
	}, workflow.Limits{PageSize: 7, TenantsPerExecution: 7}, payloads)
	b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	require.Equal(t, "partial", b.synced(started).State)
	execution, err := b.workflows.Describe(b.ctx, started.WorkflowID)
	require.NoError(t, err)
	require.Equal(t, started.RunID, execution.RunID, "the memo is read")
	history := events(t, b, started.WorkflowID, "")
	raw, err := proto.Marshal(&historypb.History{Events: history})
	require.NoError(t, err)
	require.Contains(t, string(raw), sealedEncoding)
	for _, word := range []string{"ticket-of-", "managedTenantId", "c15-0", "unchanged", "begin the run"} {
		require.False(t, strings.Contains(string(raw), word), word)
	}
	found, err := b.discover.Do(b.ctx)
	require.NoError(t, err)
	require.Equal(t, orchestration.StateCompleted, found.State)

	b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: 60, FirstSyncDone: true})
	require.Equal(t, peertest.TicketOf(b.tenant, ""), b.scheduled().Ticket, "a schedule in line is not written anew")
	due := b.due(orchestration.RecurringSync)
	var scheduled workflow.StartScheduledOutput
	require.NoError(t, b.client.GetWorkflow(b.ctx, due.WorkflowID, due.FirstExecutionRunID).Get(b.ctx, &scheduled))
	b.eventually(func() bool { return b.engine.Run(scheduled.RunID).State == "partial" })
}

// What was begun in clear text is carried on by a worker that seals.
func TestSealingIsTurnedOnWhileARunIsUnderWay(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(3, 1), nil, workflow.Limits{})
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	box, err := secrets.OpenBox(keyFile(t))
	require.NoError(t, err)
	b.payloads = Payloads(box, namespace)
	b.client = dial(t, b.payloads)
	b.work()
	require.Equal(t, "completed", b.synced(started).State)
}

// Another key, or another namespace, opens nothing; a rotated key set opens what the older key sealed.
func TestAPayloadIsOpenedByItsKeyAndInItsNamespace(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	open := func(path, namespace string) sealing {
		box, err := secrets.OpenBox(path)
		require.NoError(t, err)
		return newSealing(box, namespace)
	}
	clear := []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`"x"`)}}
	sealed, err := open(path, "a").Encode(clear)
	require.NoError(t, err)
	for name, other := range map[string]sealing{"another key": open(keyFile(t), "a"), "another namespace": open(path, "b")} {
		_, err := other.Decode(sealed)
		require.Error(t, err, name)
	}
	_, err = secrets.Rotate(t.Context(), secrets.Settings{File: path}, nil)
	require.NoError(t, err)
	opened, err := open(path, "a").Decode(sealed)
	require.NoError(t, err)
	require.True(t, proto.Equal(clear[0], opened[0]))
}
