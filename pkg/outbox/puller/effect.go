package puller

import "time"

// How an effect ended, or that it did not, as the contract of acknowledging says.
const (
	Done   = "done"
	Failed = "failed" // for good
	Retry  = "retry"
)

// Effect is one thing to do for a tenant, as an outbox hands it out. It is not
// outbox.Effect, whose package reaches a database.
type Effect struct {
	ID        string // a UUID, the key of idempotency
	Tenant    string
	ActorID   string // who made the change; empty: the system
	Kind      string
	Arguments map[string]string // ids only
	CreatedAt time.Time
	Attempt   int32 // how often it was handed out
}
