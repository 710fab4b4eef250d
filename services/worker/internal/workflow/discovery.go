package workflow

import (
	"strconv"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// DiscoveryWorkflow reads the partner's managed tenants. A failed discovery is a result and no
// failure of the workflow.
func DiscoveryWorkflow(ctx workflow.Context, in DiscoveryInput) (DiscoveryOutput, error) {
	var begun UpsertRunOutput
	if err := workflow.ExecuteActivity(unary(ctx, runDeadline, "begin the run"), UpsertRun, in.RunRef).Get(ctx, &begun); err != nil {
		return closeDiscovery(ctx, in, DiscoverTenantsOutput{}, err)
	}
	showState(ctx, begun.State)
	if begun.State != StateRunning {
		return DiscoveryOutput{State: begun.State}, nil // it was closed before it began
	}
	workflow.SetCurrentDetails(ctx, "Reading the managed tenants of the partner.")
	var found DiscoverTenantsOutput
	err := workflow.ExecuteActivity(round(ctx, runDeadline, "managed tenants of the partner"), DiscoverTenants, in.RunRef).Get(ctx, &found)
	return closeDiscovery(ctx, in, found, err)
}

func closeDiscovery(ctx workflow.Context, in DiscoveryInput, found DiscoverTenantsOutput, failure error) (DiscoveryOutput, error) {
	end := FinaliseRunInput{RunRef: in.RunRef, State: StateCompleted}
	switch {
	case temporal.IsCanceledError(failure):
		end.State = StateCancelled
	case failure != nil:
		end.State, end.Code = StateFailed, codeOf(failure)
	default:
		end.Discovered = &found.Discovered
	}
	out, err := finalise(ctx, end)
	if err != nil {
		return DiscoveryOutput{}, err
	}
	workflow.SetCurrentDetails(ctx, "Ended "+out.State+because(end.Code)+": "+strconv.Itoa(found.Discovered)+" managed tenants, of which "+
		strconv.Itoa(found.Unreadable)+" could not be read; "+strconv.Itoa(found.Gone)+" are gone.")
	return DiscoveryOutput{
		State: out.State, Code: end.Code, Discovered: found.Discovered, Unreadable: found.Unreadable, Gone: found.Gone,
	}, nil
}
