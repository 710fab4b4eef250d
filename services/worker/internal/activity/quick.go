package activity

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/entrasync/entrasync/pkg/rpc"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// SyncQuickTenants does the rounds of managed tenants that are expected to be done in a moment, one
// after the other: an activity of its own would cost each more than its round. The engine records
// each result by itself, so that another try finds what was done. What fails for good is recorded;
// what may be mended by waiting, and what is not quick after all, is left to an activity of its own,
// and so is what follows it within its client, or everything where our own parts are down.
func (a *Activities) SyncQuickTenants(ctx context.Context, in workflow.SyncQuickTenantsInput) (out workflow.SyncQuickTenantsOutput, err error) {
	err = a.attempt(ctx, in.RunRef, func(ctx context.Context, t *tracker) error {
		out = workflow.SyncQuickTenantsOutput{}
		down := false
		for _, group := range in.Groups {
			behind := down // one that is left
			for _, id := range group.ManagedTenantIDs {
				if behind {
					out.Left = append(out.Left, workflow.LeftTenant{ManagedTenantID: id})
					continue
				}
				left, failed, err := a.quick(ctx, t, in.RunRef, id)
				switch {
				case err != nil && (ctx.Err() != nil || !isDown(err)):
					return err
				case err != nil:
					down, behind = true, true
					out.Left = append(out.Left, workflow.LeftTenant{ManagedTenantID: id, WaitSeconds: seconds(a.pace.OwnFirst)})
				case left.ManagedTenantID != "":
					behind = true
					out.Left = append(out.Left, left)
				default:
					out.Done++
					out.Failed += failed
				}
				t.step()
			}
		}
		return nil
	})
	return out, err
}

// isDown reports an outage of our own parts.
func isDown(err error) bool {
	return errors.Is(err, errNoResult) || verdictOf(rpc.Normalise(err)) == tryOwn
}

// quick does one round and says whether it failed, 1, or what is left. Its error is that of our own
// parts, which are down or refuse all of the run.
func (a *Activities) quick(ctx context.Context, t *tracker, ref workflow.RunRef, id string) (left workflow.LeftTenant, failed int, err error) {
	result, tooLong, err := a.bounded(ctx, t, ref, id)
	switch {
	case err == nil && result.State == workflow.StateFailed:
		return left, 1, nil
	case err == nil:
		return left, 0, nil
	case tooLong:
		return workflow.LeftTenant{ManagedTenantID: id}, 0, nil
	case ctx.Err() != nil, errors.Is(err, errNoResult):
		return left, 0, err
	}
	e := rpc.Normalise(err)
	switch verdictOf(e) {
	case tryOwn:
		return left, 0, err
	case waitAsAsked:
		return workflow.LeftTenant{ManagedTenantID: id, WaitSeconds: seconds(cmp.Or(e.RetryAfter(), a.pace.Busy))}, 0, nil
	case tryUpstream:
		return workflow.LeftTenant{ManagedTenantID: id, Upstream: 1, WaitSeconds: seconds(max(e.RetryAfter(), a.pace.UpstreamFirst))}, 0, nil
	}
	_, err = a.engine.RecordTenantResult(ctx, &syncenginev1.RecordTenantResultRequest{
		RunId: ref.RunID, Ticket: ref.Ticket, ManagedTenantId: id, State: workflow.StateFailed, Error: toProblem(e.Reason()),
	})
	return left, 1, err
}

// bounded does one round, unless it goes on for too long after it has begun. Waiting for its turn does
// not count.
func (a *Activities) bounded(ctx context.Context, t *tracker, ref workflow.RunRef, id string) (out workflow.SyncTenantUsersOutput, tooLong bool, err error) {
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var limit *time.Timer
	out, err = a.round(within, t, ref, id, func() {
		if limit == nil {
			limit = time.AfterFunc(a.pace.Quick, func() { cancel(errNotQuick) })
		}
	})
	if limit != nil {
		limit.Stop()
	}
	return out, err != nil && ctx.Err() == nil && errors.Is(context.Cause(within), errNotQuick), err
}

// errNotQuick ends a round that holds up others.
var errNotQuick = errors.New("the round is not done in a moment")

// seconds is a wait in whole seconds, rounded up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
