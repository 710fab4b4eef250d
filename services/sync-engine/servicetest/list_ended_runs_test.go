package servicetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/errs"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// TestTheGatewayFollowsTheEndsOfRuns, a page after the other, and reads each as the list of runs shows it.
func TestTheGatewayFollowsTheEndsOfRuns(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	since := timestamppb.New(time.Now().Add(-time.Minute))
	var want []string
	for range 7 {
		run, err := b.engine.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "all-tenants", Trigger: "manual"})
		require.NoError(t, err)
		_, err = b.engine.CancelRuns(ctx, &syncenginev1.CancelRunsRequest{RunId: run.GetRunId()})
		require.NoError(t, err)
		want = append(want, run.GetRunId())
	}
	open, err := b.engine.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "all-tenants", Trigger: "manual"})
	require.NoError(t, err)

	ask := &syncenginev1.ListEndedRunsRequest{Since: since, PageSize: 3}
	var got []string
	for {
		page, err := b.ended.ListEndedRuns(ctx, ask)
		require.NoError(t, err)
		for _, run := range page.GetRuns() {
			require.Equal(t, "cancelled", run.GetState())
			got = append(got, run.GetRunId())
			ask.Since, ask.AfterRunId = run.GetCompletedAt(), run.GetRunId()
		}
		if len(page.GetRuns()) < 3 {
			break
		}
	}
	require.Equal(t, want, got)
	require.NotContains(t, got, open.GetRunId())

	listed, err := b.runs.ListRuns(ctx, &syncenginev1.ListRunsRequest{State: "cancelled", PageSize: 1})
	require.NoError(t, err)
	shown, err := b.ended.GetEndedRun(ctx, &syncenginev1.GetEndedRunRequest{RunId: want[6]})
	require.NoError(t, err)
	require.True(t, proto.Equal(listed.GetRuns()[0], shown.GetRun()), "%v", shown.GetRun())
	_, err = b.ended.GetEndedRun(ctx, &syncenginev1.GetEndedRunRequest{RunId: clientID})
	require.Equal(t, "not_found", errs.ReasonOf(err))
}

// TestEndedRunsAreToldToTheGatewayAlone, and only when it is asked well.
func TestEndedRunsAreToldToTheGatewayAlone(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	now := timestamppb.Now()
	for name, ask := range map[string]*syncenginev1.ListEndedRunsRequest{
		"no time": {PageSize: 1}, "no size": {Since: now}, "a large page": {Since: now, PageSize: 1001}, "no id": {Since: now, PageSize: 1, AfterRunId: "x"},
	} {
		_, err := b.ended.ListEndedRuns(ctx, ask)
		require.Equal(t, "request_invalid", errs.ReasonOf(err), name)
	}
	_, err := b.endedAsWorker.ListEndedRuns(ctx, &syncenginev1.ListEndedRunsRequest{Since: now, PageSize: 1})
	require.Equal(t, "caller_refused", errs.ReasonOf(err))
	_, err = b.endedAsWorker.GetEndedRun(ctx, &syncenginev1.GetEndedRunRequest{RunId: clientID})
	require.Equal(t, "caller_refused", errs.ReasonOf(err))
}
