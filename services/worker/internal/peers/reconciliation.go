package peers

import (
	"context"

	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
)

// Queue calls reconciliation about what people decided.
type Queue struct {
	decisions reconciliationv1.DecisionInternalServiceClient
}

// NewQueue returns Queue on a client that signs each call's tenant and actor.
func NewQueue(decisions reconciliationv1.DecisionInternalServiceClient) *Queue {
	return &Queue{decisions: decisions}
}

// Finish implements orchestration.Decisions.
func (q *Queue) Finish(ctx context.Context, itemID string, attempt int) error {
	_, err := q.decisions.FinishDecision(ctx, &reconciliationv1.FinishDecisionRequest{ItemId: itemID, Attempt: int32(attempt)})
	return err
}
