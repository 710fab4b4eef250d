package servicetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// flagged plays the gateway.
type flagged struct {
	gatewayv1.UnimplementedFlagInternalServiceServer
	on    []string
	fails error
	asked []string // by which tenants
}

func (f *flagged) GetTenantFlags(ctx context.Context, _ *gatewayv1.GetTenantFlagsRequest) (*gatewayv1.GetTenantFlagsResponse, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return nil, err
	}
	f.asked = append(f.asked, id.String())
	return &gatewayv1.GetTenantFlagsResponse{On: f.on}, f.fails
}

// TestARoundAppliesFieldRulesWhileTheirFlagIsOn, asks nobody where none is stored,
// and never guesses.
func TestARoundAppliesFieldRulesWhileTheirFlagIsOn(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	sync := func(phone string) (*syncenginev1.TenantOutcome, error) {
		ann := user("ann", "ann@corp.example")
		ann.MobilePhone = &phone
		b.connection.events = []*connectionv1.ListUsersResponse{page(ann), completed}
		run, err := b.engine.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "all-tenants", Trigger: "manual"})
		require.NoError(t, err)
		_, err = b.engine.BeginRun(ctx, &syncenginev1.BeginRunRequest{RunId: run.GetRunId(), Ticket: run.GetTicket()})
		require.NoError(t, err)
		outcome, err := b.sync(ctx, run)
		if err == nil {
			_, ended := b.engine.FinaliseRun(ctx, &syncenginev1.FinaliseRunRequest{RunId: run.GetRunId(), Ticket: run.GetTicket()})
			require.NoError(t, ended)
		}
		return outcome, err
	}
	outcome, err := sync("1")
	require.NoError(t, err)
	require.Equal(t, int32(1), outcome.GetCounters().GetCreated())
	require.Empty(t, b.flags.asked, "no rule is stored")
	b.change(ctx, t, &syncenginev1.UpdateSettingsRequest{Settings: &syncenginev1.SettingsPatch{FieldRules: &syncenginev1.FieldRules{Phone: ptr(true)}}})
	b.flags.on = []string{"entra-integration-ui"}
	outcome, err = sync("2")
	require.NoError(t, err)
	require.Equal(t, int32(1), outcome.GetCounters().GetUnchanged(), "as if no rule were stored")
	require.Equal(t, []string{"msp"}, b.flags.asked)
	b.flags.on = append(b.flags.on, "entra-integration-field-sync")
	outcome, err = sync("3")
	require.NoError(t, err)
	require.Equal(t, int32(1), outcome.GetCounters().GetUpdated())
	b.flags.fails = errs.New(errs.Unavailable, "unavailable", "Not now.")
	_, err = sync("4")
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
}
