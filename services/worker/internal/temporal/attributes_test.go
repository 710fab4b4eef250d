package temporal

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/searchattribute"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// found lists the workflows that an operator's query finds, by id.
func (b *bundle) found(query string) (ids []string) {
	b.t.Helper()
	res, err := b.client.ListWorkflow(b.ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query + " AND " + searchattribute.Tenant + " = '" + b.tenant + "'"})
	require.NoError(b.t, err)
	for _, execution := range res.GetExecutions() {
		ids = append(ids, execution.GetExecution().GetWorkflowId())
	}
	return ids
}

func (b *bundle) attribute(workflowID, name string) (value string) {
	b.t.Helper()
	described, err := b.client.DescribeWorkflowExecution(b.ctx, workflowID, "")
	require.NoError(b.t, err)
	payload := described.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()[name]
	require.NotNil(b.t, payload, name)
	require.NoError(b.t, converter.GetDefaultDataConverter().FromPayload(payload, &value))
	return value
}

// An operator finds a tenant's run by its state from its start to its end, also over a continuation.
func TestOperatorsFindARunByWhoseItIsAndHowItIs(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}, 10), make(chan struct{})
	b := setup(t, peertest.Groups(5, 1), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		begun <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		if peertest.ManagedTenant(ctx) == "c3-0" {
			return nil, consentMissing()
		}
		return peertest.Done(), ctx.Err()
	}, workflow.Limits{PageSize: 2, TenantsPerExecution: 2})
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	require.Equal(t, "queued", b.attribute(started.WorkflowID, searchattribute.State))
	require.Equal(t, started.RunID, b.attribute(started.WorkflowID, searchattribute.RunID))
	require.Equal(t, "all-tenants", b.attribute(started.WorkflowID, searchattribute.RunType))
	b.work()
	received(b, begun)
	b.eventually(func() bool { return len(b.found(searchattribute.State+" = 'running'")) == 1 })
	require.Equal(t, []string{started.WorkflowID}, b.found(searchattribute.RunID+" = '"+started.RunID+"'"))
	close(release)
	require.Equal(t, "partial", b.synced(started).State)
	b.eventually(func() bool { return len(b.found(searchattribute.State+" = 'partial'")) == 1 })

	client := b.started(orchestration.NewRun{Kind: orchestration.ClientSync, ClientID: "c0"})
	b.synced(client)
	require.Equal(t, "c0", b.attribute(client.WorkflowID, searchattribute.Client))
	b.eventually(func() bool {
		return len(b.found(searchattribute.Client+" = 'c0' AND ExecutionStatus = 'Completed'")) == 1
	})
}

// A namespace without the attributes, or a Temporal that does not say, starts runs all the same.
func TestRunsAreStartedWithoutAttributes(t *testing.T) {
	t.Parallel()
	b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
	b.work()
	for name, attributes := range map[string]*Attributes{"none": nil, "a namespace that lacks them": NewAttributes(b.client, "temporal-system")} {
		started, err := orchestration.NewStart(b.runs, NewWorkflows(b.client, b.queue, workflow.Limits{}, attributes, inClear)).Do(
			b.ctx, orchestration.NewRun{Kind: orchestration.AllTenantsSync, Trigger: orchestration.TriggerManual})
		require.NoError(t, err, name)
		require.Equal(t, "completed", b.synced(started).State, name)
		described, err := b.client.DescribeWorkflowExecution(b.ctx, started.WorkflowID, "")
		require.NoError(t, err)
		require.NotContains(t, described.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields(), searchattribute.State, name)
	}
}

// What a run does is said in words, while it is under way and afterwards, and so is each of its steps.
func TestARunSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}, 10), make(chan struct{})
	b := setup(t, peertest.Groups(3, 1), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
		if peertest.ManagedTenant(ctx) == "c0-0" {
			return nil, consentMissing()
		}
		begun <- struct{}{}
		return until(ctx, release)
	}, workflow.Limits{Window: 1})
	b.work()
	started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
	received(b, begun)
	b.eventually(func() bool {
		return b.says(started) == "1 of 3 managed tenants are done, 1 of them failed. 1 are under way, of at most 1 clients at once. What each waits for is said by the pending activities."
	})
	close(release)
	b.synced(started)
	require.Equal(t, "Ended partial. 3 of 3 managed tenants are done, 1 of them failed.", b.says(started))
	var summaries []string
	for _, event := range events(t, b, started.WorkflowID, "") {
		if payload := event.GetUserMetadata().GetSummary(); payload != nil && event.GetActivityTaskScheduledEventAttributes() != nil {
			summaries = append(summaries, text(t, payload))
		}
	}
	require.Equal(t, []string{
		"begin the run", "list the next managed tenants", "managed tenant c0-0", "record that managed tenant c0-0 ended as failed",
		"managed tenant c1-0", "managed tenant c2-0", "close the run",
	}, summaries)
}

// says is the workflow's details as the UI asks for them.
func (b *bundle) says(started orchestration.Started) string {
	b.t.Helper()
	metadata, err := b.client.QueryWorkflow(b.ctx, started.WorkflowID, "", "__temporal_workflow_metadata")
	require.NoError(b.t, err)
	var said sdkpb.WorkflowMetadata
	require.NoError(b.t, metadata.Get(&said))
	return said.GetCurrentDetails()
}

func text(t *testing.T, payload *commonpb.Payload) (words string) {
	t.Helper()
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(payload, &words))
	return words
}
