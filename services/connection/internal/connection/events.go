package connection

import (
	"context"
	"time"
)

// StatusEvent is one change of a connection's state, for the audit trail. It holds
// codes and opaque ids, no texts.
type StatusEvent struct {
	ID     string // version 7: orders events by time
	Tenant string
	Actor  string // the person whose doing it was, by id; empty: Microsoft's answer
	From   Status
	To     Status
	Type   Type
	Reason string // why, by its code; empty where a person did it
	At     time.Time
}

// Notable reports whether a connection that was in one state, with the failure of a
// code, and is now in another belongs into the audit trail. A connection that a
// person replaces stays connected and yet changes: it is not asked about here.
func Notable(from Status, fromCode string, to Status, toCode string) bool {
	return from != to || fromCode != toCode
}

// mendedByRefresh are the failures that a fresh token set ends.
var mendedByRefresh = map[string]bool{ReasonRefreshFailed: true, ReasonMissingCredentials: true}

// MendedByRefresh reports whether a fresh token set ends a failure of that code.
func MendedByRefresh(code string) bool { return mendedByRefresh[code] }

// EventLog keeps the events that the audit trail does not have yet.
type EventLog interface {
	// Pull hands out events, oldest first, and waits up to the given time for the
	// first. What is not acknowledged comes again.
	Pull(ctx context.Context, limit int32, wait time.Duration) ([]StatusEvent, error)
	// Ack ends events of the context's tenant; unknown ones, and those that have
	// ended, change nothing.
	Ack(ctx context.Context, ids []string) error
}
