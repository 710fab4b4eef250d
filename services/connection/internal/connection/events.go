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

// Notable tells whether a connection that was in one state, with the failure of a
// code, and is now in another belongs into the audit trail. A connection that a
// person replaces stays connected and yet changes: it is not asked about here.
func Notable(from Status, fromCode string, to Status, toCode string) bool {
	return from != to || fromCode != toCode
}

// mendedByRefresh are the failures that a fresh token set ends.
var mendedByRefresh = map[string]bool{ReasonRefreshFailed: true, ReasonMissingCredentials: true}

// MendedByRefresh tells whether a fresh token set ends a failure of that code.
func MendedByRefresh(code string) bool { return mendedByRefresh[code] }

// EventLog keeps the events that the audit trail does not have yet.
type EventLog interface {
	// LeaseStatusEvents hands out events, oldest first, until the lease ends.
	LeaseStatusEvents(ctx context.Context, now time.Time, lease time.Duration, limit int32) ([]StatusEvent, error)
	// AckStatusEvents ends events of the tenant; unknown ones, and those that have
	// ended, change nothing.
	AckStatusEvents(ctx context.Context, tenant string, ids []string, at time.Time) error
}
