package rpc

import (
	"context"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

func (s *internalServer) GetSyncStatus(ctx context.Context, _ *syncenginev1.GetSyncStatusRequest) (*syncenginev1.GetSyncStatusResponse, error) {
	status, err := s.cases.Status.Do(ctx)
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.GetSyncStatusResponse{
		ScheduleEnabled: status.Settings.AutomaticSync, IntervalMinutes: count(status.Settings.IntervalMinutes),
	}
	if status.LastRun != nil {
		answer.LastRun = runMessage(status.LastRun)
	}
	return answer, nil
}
