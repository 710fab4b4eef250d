package workflow

import (
	"strconv"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entrasync/entrasync/services/worker/internal/searchattribute"
)

// The search attributes by which operators find runs.
var (
	AttributeTenant  = temporal.NewSearchAttributeKeyKeyword(searchattribute.Tenant)
	AttributeClient  = temporal.NewSearchAttributeKeyKeyword(searchattribute.Client)
	AttributeRunType = temporal.NewSearchAttributeKeyKeyword(searchattribute.RunType)
	AttributeRunID   = temporal.NewSearchAttributeKeyKeyword(searchattribute.RunID)
	AttributeState   = temporal.NewSearchAttributeKeyKeyword(searchattribute.State)
)

// showState lets operators find the run by its state. A workflow that was started without attributes,
// by an earlier version or where the server knows none, stays without.
func showState(ctx workflow.Context, state string) {
	if _, ok := workflow.GetTypedSearchAttributes(ctx).GetKeyword(AttributeState); !ok {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, AttributeState.ValueSet(state)); err != nil {
		workflow.GetLogger(ctx).Error("showing the state of the run", "error", err)
	}
}

// showProgress describes in words how far the run is.
func (f *fleet) showProgress(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, f.progress()+" "+strconv.Itoa(f.active)+" are under way, of at most "+
		strconv.Itoa(f.limits.Window)+" clients at once. What each waits for is said by the pending activities.")
}

func (f *fleet) progress() string {
	return strconv.Itoa(f.state.Done) + " of " + strconv.Itoa(f.state.Total) + " managed tenants are done, " +
		strconv.Itoa(f.state.Failed) + " of them failed."
}

// because is a failure's code, in words.
func because(code string) string {
	if code == "" {
		return ""
	}
	return " because of " + code
}
