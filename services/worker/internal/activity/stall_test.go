package activity

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peers"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// every is how long a round of these tests takes for a phase; stall is when one without a phase is given
// up, far more than a busy machine adds to that.
const every, stall = 200 * time.Millisecond, 2 * time.Second

// syncOnce does one try of a round that says each of the phases after a pause.
func syncOnce(t *testing.T, phases int, phase func(i int) string) (workflow.SyncTenantUsersOutput, error) {
	t.Helper()
	engine := peertest.NewEngine(peertest.Groups(1, 1), func(ctx context.Context, _ int, send func(string)) (*syncenginev1.TenantOutcome, error) {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for i := range phases {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-ticker.C:
				send(phase(i))
			}
		}
		return peertest.Done(), nil
	}).Client(t, rpctest.New(t))
	ctx := tenant.With(t.Context(), tenant.Call{Tenant: "msp", Actor: tenant.Actor{Type: "system"}})
	run, err := peers.NewRuns(engine, nil).Create(ctx, orchestration.NewRun{Kind: orchestration.AllTenantsSync, Trigger: orchestration.TriggerManual})
	require.NoError(t, err)
	a := New(Clients{Engine: engine}, nil, Pace{Beat: 20 * time.Millisecond, Stall: stall})
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.SetTestTimeout(time.Minute)
	env.RegisterActivity(a.SyncTenantUsers)
	value, err := env.ExecuteActivity(a.SyncTenantUsers, workflow.SyncTenantUsersInput{
		RunRef: workflow.RunRef{TenantID: "msp", RunID: run.ID, Ticket: run.Ticket}, ManagedTenantID: "c0-0",
	})
	if err != nil {
		return workflow.SyncTenantUsersOutput{}, err
	}
	var out workflow.SyncTenantUsersOutput
	require.NoError(t, value.Get(&out))
	return out, nil
}

func TestARoundThatComesNoStepFurtherIsGivenUp(t *testing.T) {
	t.Parallel()
	_, err := syncOnce(t, 600, func(int) string { return "staging" }) // 2 minutes of the same
	failure := new(temporal.ApplicationError)
	require.ErrorAs(t, err, &failure)
	require.Equal(t, "stalled", failure.Type())
	require.False(t, failure.NonRetryable())
}

func TestARoundThatGoesForwardMayTakeItsTime(t *testing.T) {
	t.Parallel()
	out, err := syncOnce(t, 30, strconv.Itoa) // three times the stall
	require.NoError(t, err)
	require.Equal(t, "completed", out.State)
}
