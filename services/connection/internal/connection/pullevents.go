package connection

import (
	"context"
	"time"
)

// PullEvents hands out status events.
type PullEvents struct {
	Log EventLog
	Now func() time.Time
}

// Do leases up to limit events; it waits up to wait for the first. What is not
// acknowledged comes again.
func (u *PullEvents) Do(ctx context.Context, limit int32, wait time.Duration) ([]StatusEvent, error) {
	return poll(ctx, wait, func() ([]StatusEvent, error) {
		return u.Log.LeaseStatusEvents(ctx, u.Now(), eventLease, limit)
	})
}

// AckEvents records that the audit trail has events.
type AckEvents struct {
	Log EventLog
	Now func() time.Time
}

// Do ends the events for good.
func (u *AckEvents) Do(ctx context.Context, tenant string, ids []string) error {
	return u.Log.AckStatusEvents(ctx, tenant, ids, u.Now())
}
