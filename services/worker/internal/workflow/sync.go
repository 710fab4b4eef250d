package workflow

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// InitialSyncWorkflow syncs all mapped tenants for the first time.
func InitialSyncWorkflow(ctx workflow.Context, in SyncInput) (SyncOutput, error) {
	return runFleet(ctx, in)
}

// AllTenantsSyncWorkflow syncs all mapped tenants.
func AllTenantsSyncWorkflow(ctx workflow.Context, in SyncInput) (SyncOutput, error) {
	return runFleet(ctx, in)
}

// ClientSyncWorkflow syncs the managed tenants of one client.
func ClientSyncWorkflow(ctx workflow.Context, in SyncInput) (SyncOutput, error) {
	return runFleet(ctx, in)
}

// errClosed means that the run was closed before it began.
var errClosed = errors.New("the run is closed")

// runFleet syncs many managed tenants; every sync goes through it.
func runFleet(ctx workflow.Context, in SyncInput) (SyncOutput, error) {
	f := &fleet{ref: in.RunRef, limits: in.Limits.orDefaults(), state: in.State, clients: map[string]*clientQueue{}}
	err := f.begin(ctx)
	if errors.Is(err, errClosed) {
		return SyncOutput{State: f.closedAs}, nil
	}
	if err == nil {
		err = f.run(ctx)
	}
	if err == nil && !f.state.Listed {
		in.State = f.state
		return SyncOutput{}, workflow.NewContinueAsNewError(ctx, workflow.GetInfo(ctx).WorkflowType.Name, in)
	}
	end := FinaliseRunInput{RunRef: f.ref}
	switch {
	case ctx.Err() != nil || temporal.IsCanceledError(err):
		end.State = StateCancelled
	case errors.Is(err, errDeadline):
		end.State, end.Code = StateFailed, CodeDeadline
	case err != nil:
		end.State, end.Code = StateFailed, codeOf(err)
	}
	out, err := finalise(ctx, end)
	if err != nil {
		return SyncOutput{}, err
	}
	workflow.SetCurrentDetails(ctx, "Ended "+out.State+because(end.Code)+". "+f.progress())
	return SyncOutput{
		State: out.State, Code: end.Code, Counters: out.Counters,
		Total: f.state.Total, Done: f.state.Done, Failed: f.state.Failed,
	}, nil
}

// begin marks the run as running, once over all executions.
func (f *fleet) begin(ctx workflow.Context) error {
	if f.state.StartedUnix != 0 {
		f.showProgress(ctx)
		return nil
	}
	f.state.StartedUnix = workflow.Now(ctx).Unix()
	var begun UpsertRunOutput
	if err := workflow.ExecuteActivity(unary(ctx, f.left(ctx), "begin the run"), UpsertRun, f.ref).Get(ctx, &begun); err != nil {
		return err
	}
	showState(ctx, begun.State)
	if begun.State != StateRunning {
		f.closedAs = begun.State
		return errClosed
	}
	f.state.Total = begun.Total
	f.showProgress(ctx)
	return nil
}

// left returns what is left of the run's time.
func (f *fleet) left(ctx workflow.Context) time.Duration {
	return time.Unix(f.state.StartedUnix, 0).Add(runDeadline).Sub(workflow.Now(ctx))
}
