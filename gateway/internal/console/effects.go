package console

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

// countDead asks every service with an outbox for the tenant's effects that are set
// aside, and adds them up. One that does not answer counts as none: what else it is
// asked for says that it is down.
func (s *Status) countDead(ctx context.Context, group *errgroup.Group, dead *atomic.Int32) {
	for name, outbox := range s.outboxes {
		part(ctx, group, "effects of "+name, func(ctx context.Context) error {
			answer, err := outbox.CountDeadEffects(ctx, &orchestrationv1.CountDeadEffectsRequest{})
			dead.Add(answer.GetDead())
			return err
		})
	}
}
