package connection

import (
	"context"
	"time"
)

// The kinds of effects of a connection.
const (
	EffectConnected    = "connection_connected"
	EffectDisconnected = "connection_disconnected"
)

// Effect is what a change must cause elsewhere.
type Effect struct {
	ID        string
	Tenant    string
	Actor     string // who made the change, by id
	Kind      string
	Arguments map[string]string // ids only
	CreatedAt time.Time
	Attempt   int32
}

// Outbox keeps effects.
type Outbox interface {
	// LeaseEffects hands out due effects, oldest first, until the lease ends.
	LeaseEffects(ctx context.Context, now time.Time, lease time.Duration, limit int32) ([]Effect, error)
	// EffectAttempt is how often the effect was handed out and whether it is done;
	// errs.NotFound for an unknown one.
	EffectAttempt(ctx context.Context, tenant, id string) (attempt int32, done bool, err error)
	// FinishEffect ends an effect for good, once.
	FinishEffect(ctx context.Context, tenant, id, outcome string, result map[string]string, at time.Time) error
	// PostponeEffect hands an effect out again, not before a time.
	PostponeEffect(ctx context.Context, tenant, id string, until time.Time) error
}

// How an answer describes the effects of the change it reports.
const (
	Settled   = "settled"
	Unsettled = "pending"
)
