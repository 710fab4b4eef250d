package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// TestTheStatusCallsAScheduleEnabledOnlyWhereOneRuns gives the panel what the engine knows:
// the setting alone schedules nothing.
func TestTheStatusCallsAScheduleEnabledOnlyWhereOneRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	schedule := func(status *syncenginev1.GetSyncStatusResponse) map[string]any {
		b.backends.on("/entrasync.syncengine.v1.SyncEngineInternalService/GetSyncStatus", func(context.Context, proto.Message) (proto.Message, error) {
			return status, nil
		})
		return b.as(b.reader("t1"), "GET", "/api/integrations/entra", "").json(t)["schedule"].(map[string]any)
	}
	next := timestamppb.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))

	onlyTheSetting := schedule(&syncenginev1.GetSyncStatusResponse{ScheduleEnabled: true, IntervalMinutes: 1440})
	require.Equal(t, false, onlyTheSetting["enabled"])
	require.EqualValues(t, 1440, onlyTheSetting["intervalMinutes"])
	require.NotContains(t, onlyTheSetting, "nextRunAt")

	require.Equal(t, true, schedule(&syncenginev1.GetSyncStatusResponse{ScheduleEnabled: true, NextRunAt: next})["enabled"])
	require.Equal(t, true, schedule(&syncenginev1.GetSyncStatusResponse{ScheduleEnabled: true, Paused: true})["enabled"])
	require.Equal(t, false, schedule(&syncenginev1.GetSyncStatusResponse{NextRunAt: next})["enabled"])
}
