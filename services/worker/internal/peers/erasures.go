package peers

import (
	"context"

	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// Erasures calls the sync engine about people who are erased on request.
type Erasures struct {
	people syncenginev1.PersonInternalServiceClient
}

// NewErasures returns Erasures on a client that signs each call's tenant and actor.
func NewErasures(people syncenginev1.PersonInternalServiceClient) *Erasures {
	return &Erasures{people: people}
}

// Finish implements orchestration.Erasures.
func (e *Erasures) Finish(ctx context.Context, erasureID string) error {
	_, err := e.people.FinishErasure(ctx, &syncenginev1.FinishErasureRequest{ErasureId: erasureID})
	return err
}
