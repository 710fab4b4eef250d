package connection

import "context"

// AckEvents records that the audit trail has events.
type AckEvents struct{ log EventLog }

// NewAckEvents makes the use case.
func NewAckEvents(log EventLog) *AckEvents { return &AckEvents{log: log} }

// Do ends the events for good.
func (u *AckEvents) Do(ctx context.Context, ids []string) error { return u.log.Ack(ctx, ids) }
