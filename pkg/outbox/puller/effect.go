package puller

import (
	"time"

	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
)

// How an effect ended, or that it did not, as the contract of acknowledging says.
const (
	Done   = effectkind.OutcomeDone
	Failed = effectkind.OutcomeFailed
	Retry  = effectkind.OutcomeRetry
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
