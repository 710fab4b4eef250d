package rpc

import (
	"context"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

func (s *internalServer) ListOpenRuns(ctx context.Context, req *syncenginev1.ListOpenRunsRequest) (*syncenginev1.ListOpenRunsResponse, error) {
	runs, err := s.cases.OpenRuns.Do(ctx, req.GetBefore().AsTime(), req.GetAfterRunId(), int(req.GetPageSize()))
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ListOpenRunsResponse{Runs: make([]*syncenginev1.OpenRun, len(runs))}
	for i, run := range runs {
		answer.Runs[i] = &syncenginev1.OpenRun{TenantId: run.Tenant, RunId: run.RunID, WorkflowId: run.WorkflowID}
	}
	return answer, nil
}
