package connection

import (
	"context"
	"time"
)

// PullEvents hands out status events.
type PullEvents struct {
	Log EventLog
}

// Do leases up to limit events; it waits up to wait for the first. What is not
// acknowledged comes again.
func (u *PullEvents) Do(ctx context.Context, limit int32, wait time.Duration) ([]StatusEvent, error) {
	return u.Log.Pull(ctx, limit, wait)
}

// AckEvents records that the audit trail has events.
type AckEvents struct {
	Log EventLog
}

// Do ends the events for good.
func (u *AckEvents) Do(ctx context.Context, ids []string) error { return u.Log.Ack(ctx, ids) }
