package servicetest

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// Every call about a run is refused without the ticket that the engine signed for that very run of
// that very tenant.
func TestCallsAboutARunNeedItsTicket(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	run, err := b.engine.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "initial", Trigger: "manual"})
	require.NoError(t, err)
	other, err := b.engine.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "discovery", Trigger: "manual"})
	require.NoError(t, err)
	elsewhere := tenant.With(t.Context(), tenant.Call{Tenant: "msp-2", Actor: tenant.Actor{Type: "system"}})
	foreign, err := b.engine.CreateRun(elsewhere, &syncenginev1.CreateRunRequest{Type: "initial", Trigger: "manual", RunId: uuid.Must(uuid.NewV7()).String()})
	require.NoError(t, err)
	parts := strings.Split(run.GetTicket(), ".")
	require.Len(t, parts, 3)
	for _, ticket := range []string{
		"", "x", "..", other.GetTicket(), foreign.GetTicket(), run.GetTicket() + "A",
		parts[0] + ".9" + parts[1] + "." + parts[2], "all-tenants." + parts[1] + "." + parts[2], parts[0] + ".1." + parts[2],
	} {
		id := run.GetRunId()
		for name, call := range map[string]func(context.Context) error{
			"begin": func(ctx context.Context) error {
				_, err := b.engine.BeginRun(ctx, &syncenginev1.BeginRunRequest{RunId: id, Ticket: ticket})
				return err
			},
			"list": func(ctx context.Context) error {
				_, err := b.engine.ListRunTenants(ctx, &syncenginev1.ListRunTenantsRequest{RunId: id, Ticket: ticket, PageSize: 1})
				return err
			},
			"sync": func(ctx context.Context) error {
				_, err := b.sync(ctx, &syncenginev1.CreateRunResponse{RunId: id, Ticket: ticket})
				return err
			},
			"record": func(ctx context.Context) error {
				_, err := b.engine.RecordTenantResult(ctx, &syncenginev1.RecordTenantResultRequest{RunId: id, Ticket: ticket, ManagedTenantId: managed, State: "failed"})
				return err
			},
			"finalise": func(ctx context.Context) error {
				_, err := b.engine.FinaliseRun(ctx, &syncenginev1.FinaliseRunRequest{RunId: id, Ticket: ticket, State: "failed"})
				return err
			},
			"check": func(ctx context.Context) error {
				_, err := b.tickets.CheckTicket(ctx, &syncenginev1.CheckTicketRequest{RunId: id, Ticket: ticket, Type: "discovery"})
				return err
			},
		} {
			require.Equal(t, reason.RunTicketInvalid, errs.ReasonOf(call(ctx)), "%s with %q", name, ticket)
		}
	}
	_, err = b.tickets.CheckTicket(ctx, &syncenginev1.CheckTicketRequest{RunId: other.GetRunId(), Ticket: other.GetTicket(), Type: "discovery"})
	require.NoError(t, err)
	_, err = b.tickets.CheckTicket(ctx, &syncenginev1.CheckTicketRequest{RunId: run.GetRunId(), Ticket: run.GetTicket(), Type: "discovery"})
	require.Equal(t, reason.RunTicketInvalid, errs.ReasonOf(err), "it is for a sync")
	_, err = b.tickets.CheckTicket(elsewhere, &syncenginev1.CheckTicketRequest{RunId: other.GetRunId(), Ticket: other.GetTicket(), Type: "discovery"})
	require.Equal(t, reason.RunTicketInvalid, errs.ReasonOf(err))

	issued, err := b.tickets.IssueTicket(ctx, &syncenginev1.IssueTicketRequest{RunId: run.GetRunId()})
	require.NoError(t, err)
	_, err = b.tickets.IssueTicket(elsewhere, &syncenginev1.IssueTicketRequest{RunId: run.GetRunId()})
	require.Equal(t, errs.NotFound, errs.KindOf(err))
	begun, err := b.engine.BeginRun(ctx, &syncenginev1.BeginRunRequest{RunId: run.GetRunId(), Ticket: issued.GetTicket()})
	require.NoError(t, err)
	require.Equal(t, "running", begun.GetState())

	schedule, err := b.schedules.GetSchedule(ctx, &syncenginev1.GetScheduleRequest{})
	require.NoError(t, err)
	_, err = b.tickets.CheckTicket(ctx, &syncenginev1.CheckTicketRequest{Ticket: schedule.GetTicket(), Type: "schedule"})
	require.NoError(t, err)
	_, err = b.tickets.CheckTicket(elsewhere, &syncenginev1.CheckTicketRequest{Ticket: schedule.GetTicket(), Type: "schedule"})
	require.Equal(t, reason.RunTicketInvalid, errs.ReasonOf(err))
	again, err := b.schedules.GetSchedule(ctx, &syncenginev1.GetScheduleRequest{})
	require.NoError(t, err)
	require.Equal(t, schedule.GetTicket(), again.GetTicket())
}
