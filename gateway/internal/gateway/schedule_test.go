package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/errs"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// TestTheStatusCallsAScheduleEnabledOnlyWhereOneRuns gives the panel what the engine and the
// worker know: the setting alone schedules nothing.
func TestTheStatusCallsAScheduleEnabledOnlyWhereOneRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	status := func(automatic bool, schedule *orchestrationv1.DescribeScheduleResponse) (shown map[string]any, attention []string) {
		b.backends.on("/entrasync.syncengine.v1.SyncEngineInternalService/GetSyncStatus", func(context.Context, proto.Message) (proto.Message, error) {
			return &syncenginev1.GetSyncStatusResponse{ScheduleEnabled: automatic, IntervalMinutes: 1440}, nil
		})
		b.backends.on("/entrasync.orchestration.v1.ScheduleInternalService/DescribeSchedule", func(context.Context, proto.Message) (proto.Message, error) {
			return schedule, nil
		})
		answer := b.as(b.reader("t1"), "GET", "/api/integrations/entra", "").json(t)
		for _, entry := range answer["attention"].([]any) {
			attention = append(attention, entry.(map[string]any)["code"].(string))
		}
		return answer["schedule"].(map[string]any), attention
	}
	next := timestamppb.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))

	onlyTheSetting, _ := status(true, &orchestrationv1.DescribeScheduleResponse{})
	require.Equal(t, false, onlyTheSetting["enabled"])
	require.EqualValues(t, 1440, onlyTheSetting["intervalMinutes"])
	require.NotContains(t, onlyTheSetting, "nextRunAt")

	running, attention := status(true, &orchestrationv1.DescribeScheduleResponse{Exists: true, IntervalMinutes: 1440, NextRunAt: next})
	require.Equal(t, true, running["enabled"])
	require.Equal(t, "2026-01-02T03:04:05Z", running["nextRunAt"])
	require.NotContains(t, attention, "schedule_paused")

	off, attention := status(false, &orchestrationv1.DescribeScheduleResponse{Exists: true, Paused: true, PausedReason: "automatic_sync_off"})
	require.Equal(t, false, off["enabled"])
	require.Equal(t, true, off["paused"])
	require.NotContains(t, attention, "schedule_paused", "who switched it off knows")

	disconnected, attention := status(true, &orchestrationv1.DescribeScheduleResponse{Exists: true, Paused: true, PausedReason: "disconnected"})
	require.Equal(t, true, disconnected["enabled"])
	require.Equal(t, "disconnected", disconnected["pausedReason"])
	require.Contains(t, attention, "schedule_paused")

	quarantined, attention := status(true, &orchestrationv1.DescribeScheduleResponse{Exists: true, NextRunAt: next, PausedReason: "quarantined"})
	require.Equal(t, false, quarantined["paused"])
	require.Equal(t, "2026-01-02T03:04:05Z", quarantined["nextRunAt"])
	require.Contains(t, attention, "schedule_quarantined")
	require.Equal(t, false, quarantined["unknown"])
}

// TestAScheduleThatCannotBeAskedForIsNotCalledOff: nobody is to start syncs by hand, or to switch them on again,
// because the worker was away for a moment.
func TestAScheduleThatCannotBeAskedForIsNotCalledOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.backends.on("/entrasync.syncengine.v1.SyncEngineInternalService/GetSyncStatus", func(context.Context, proto.Message) (proto.Message, error) {
		return &syncenginev1.GetSyncStatusResponse{ScheduleEnabled: true, IntervalMinutes: 1440}, nil
	})
	b.backends.on("/entrasync.orchestration.v1.ScheduleInternalService/DescribeSchedule", func(context.Context, proto.Message) (proto.Message, error) {
		return nil, errs.New(errs.Unavailable, "orchestrator_unavailable", "")
	})
	answer := b.as(b.reader("t1"), "GET", "/api/integrations/entra", "").json(t)
	require.Equal(t, map[string]any{
		"unknown": true, "enabled": true, "intervalMinutes": 1440.0, "paused": false, "pausedReason": "",
	}, answer["schedule"])
	require.Equal(t, "part_unavailable", answer["attention"].([]any)[0].(map[string]any)["code"])
}

// TestAttentionNamesManagedTenantsInQuarantine says which one, why, and what mends it.
func TestAttentionNamesManagedTenantsInQuarantine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.backends.on("/entrasync.syncengine.v1.ScheduleInternalService/ListQuarantinedTenants", func(context.Context, proto.Message) (proto.Message, error) {
		return &syncenginev1.ListQuarantinedTenantsResponse{Tenants: []*syncenginev1.QuarantinedTenant{{
			ManagedTenantId: "m-1", Since: timestamppb.New(time.Unix(1_700_000_000, 0)), FailedRuns: 6, Code: "consent_missing",
		}}}, nil
	})
	answer := b.as(b.reader("t1"), "GET", "/api/integrations/entra", "").json(t)
	for _, entry := range answer["attention"].([]any) {
		if e := entry.(map[string]any); e["code"] == "tenant_quarantined" {
			require.Equal(t, "m-1", e["managedTenantId"])
			require.Contains(t, e["message"], "once a day")
			require.Contains(t, e["message"], "The last failure: ")
			require.NotEmpty(t, e["remedy"])
			return
		}
	}
	require.Fail(t, "attention does not name it", "%v", answer["attention"])
}
