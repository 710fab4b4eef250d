package temporal

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// current makes a build the one that takes workflows, as an operator does.
func (b *bundle) current(version Version) {
	b.t.Helper()
	handle := b.client.WorkerDeploymentClient().GetHandle(Deployment)
	b.eventually(func() bool { // its workers have to be known first
		_, err := handle.SetCurrentVersion(b.ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: version.BuildID, IgnoreMissingTaskQueues: true})
		return err == nil
	})
}

// build is the one that took the last step of a workflow.
func (b *bundle) build(workflowID string) (build string) {
	for _, event := range events(b.t, b, workflowID, "") {
		if done := event.GetWorkflowTaskCompletedEventAttributes(); done != nil {
			build = done.GetDeploymentVersion().GetBuildId()
		}
	}
	return build
}

// TestANewVersionTakesOver is the way of an upgrade: the new build comes up beside the old one and gets
// nothing, an operator makes it the current one, runs under way go on there, and the old one goes.
func TestANewVersionTakesOver(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}, 100), make(chan struct{})
	b := setup(t, peertest.Groups(3, 1), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		begun <- struct{}{}
		return until(ctx, release)
	}, workflow.Limits{Window: 1})
	old, fresh := Version{BuildID: "old-" + b.tenant}, Version{BuildID: "new-" + b.tenant}
	stopOld := b.workAs(old)
	b.current(old)
	under := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	<-begun
	b.workAs(fresh)
	require.Equal(t, old.BuildID, b.build(under.WorkflowID))
	beside := b.started(orchestration.NewRun{Kind: orchestration.ClientSync, ClientID: "c0"})
	<-begun
	require.Equal(t, old.BuildID, b.build(beside.WorkflowID), "it is not the current one yet")
	b.current(fresh)
	stopOld()
	close(release)
	require.Equal(t, "completed", b.synced(under).State)
	require.Equal(t, "completed", b.synced(beside).State)
	require.Equal(t, fresh.BuildID, b.build(under.WorkflowID), "the run under way went on there")
	next := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	require.Equal(t, "completed", b.synced(next).State)
	require.Equal(t, fresh.BuildID, b.build(next.WorkflowID))
	described, err := b.client.WorkflowService().DescribeWorkerDeployment(b.ctx, &workflowservice.DescribeWorkerDeploymentRequest{Namespace: namespace, DeploymentName: Deployment})
	require.NoError(t, err)
	require.Equal(t, fresh.BuildID, described.GetWorkerDeploymentInfo().GetRoutingConfig().GetCurrentDeploymentVersion().GetBuildId())
}
