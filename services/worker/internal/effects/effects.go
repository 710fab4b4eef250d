// Package effects performs the effects of other services' committed changes.
package effects

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/outbox/puller"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
)

const (
	// parallel is how many effects of one service are worked on at once; one pull takes as many as have a place.
	parallel = 3
	// manyTimeout bounds the work on an effect of many links. Services lease such
	// effects for longer.
	manyTimeout = 5 * time.Minute
)

// New makes a puller of the effects of one service.
func New(service string, conn grpc.ClientConnInterface, perform orchestration.Performer) *puller.Puller {
	do := func(ctx context.Context, e puller.Effect) (string, map[string]string, error) {
		outcome, err := perform.Do(ctx, orchestration.Effect{ID: e.ID, Kind: e.Kind, CreatedAt: e.CreatedAt, Arguments: e.Arguments})
		return outcome.State, outcome.Result, err
	}
	return puller.New(service, puller.NewClient(conn), do, puller.Options{Parallel: parallel, Limit: limit})
}

func limit(kind string) puller.Limit {
	if orchestration.OnManyLinks(kind) {
		return puller.Limit{Timeout: manyTimeout, Stops: true}
	}
	return puller.Limit{}
}
