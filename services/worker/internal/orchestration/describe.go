package orchestration

import (
	"context"
	"strings"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Describe is the use case of showing the state of a workflow.
type Describe struct{ workflows Workflows }

// NewDescribe makes the use case.
func NewDescribe(workflows Workflows) *Describe { return &Describe{workflows: workflows} }

// Do returns the state of a workflow of the tenant of the context; errs.NotFound, reason "unknown_workflow",
// when its id is not one of the tenant's.
func (d *Describe) Do(ctx context.Context, workflowID string) (Execution, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return Execution{}, err
	}
	// entra-discovery:{tenant}, entra-client-sync:{tenant}:{client}, …
	parts := strings.Split(workflowID, ":")
	if len(parts) < 2 || !strings.HasPrefix(parts[0], "entra-") || parts[1] != id.String() {
		return Execution{}, errs.Of(reason.UnknownWorkflow)
	}
	execution, err := d.workflows.Describe(ctx, workflowID)
	if err != nil {
		return Execution{}, errs.Of(codeUnavailable, errs.WithCause(err))
	}
	return execution, nil
}
