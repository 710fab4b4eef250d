package connection

import (
	"context"
	"time"
)

// PullEvents hands out status events.
type PullEvents struct{ log EventLog }

// NewPullEvents makes the use case.
func NewPullEvents(log EventLog) *PullEvents { return &PullEvents{log: log} }

// Do leases up to limit events; it waits up to wait for the first. What is not
// acknowledged comes again.
func (u *PullEvents) Do(ctx context.Context, limit int32, wait time.Duration) ([]StatusEvent, error) {
	return u.log.Pull(ctx, limit, wait)
}
