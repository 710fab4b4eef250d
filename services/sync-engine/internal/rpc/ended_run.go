package rpc

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

type endedRunServer struct {
	syncenginev1.UnimplementedRunInternalServiceServer
	cases UseCases
}

func (s *endedRunServer) ListEndedRuns(ctx context.Context, req *syncenginev1.ListEndedRunsRequest) (*syncenginev1.ListEndedRunsResponse, error) {
	runs, err := s.cases.EndedRuns.Do(ctx, req.GetSince().AsTime(), req.GetAfterRunId(), int(req.GetPageSize()))
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ListEndedRunsResponse{Runs: make([]*syncenginev1.EndedRun, len(runs))}
	for i, run := range runs {
		answer.Runs[i] = &syncenginev1.EndedRun{RunId: run.RunID, State: string(run.State), CompletedAt: timestamppb.New(run.At)}
	}
	return answer, nil
}

func (s *endedRunServer) GetEndedRun(ctx context.Context, req *syncenginev1.GetEndedRunRequest) (*syncenginev1.GetEndedRunResponse, error) {
	run, err := s.cases.EndedRuns.Show(ctx, req.GetRunId())
	if err != nil {
		return nil, err
	}
	return &syncenginev1.GetEndedRunResponse{Run: runMessage(&run)}, nil
}
