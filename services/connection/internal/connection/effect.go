package connection

import "time"

// Effect is what a change must cause elsewhere.
type Effect struct {
	ID        string
	Actor     string // who made the change, by id
	Kind      string
	Arguments map[string]string // ids only
	CreatedAt time.Time
}
