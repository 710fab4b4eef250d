// Package outbox keeps what a committed change of one service must cause in
// another: effects, rows of the table outbox in the service's own schema, added
// in the transaction of the change, handed out to a puller, tried again and,
// after too many tries, set aside. It knows nothing of what they mean.
//
// A schema that has an outbox has the table outbox and the views effects_waiting,
// effects_ended and effects_dead, as 000004_outbox.up.sql and
// 000006_outbox_measures.up.sql of migrations/mapping leave them.
package outbox

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// How an effect ended, or that it did not.
const (
	Done   = effectkind.OutcomeDone
	Failed = effectkind.OutcomeFailed
	Retry  = effectkind.OutcomeRetry
)

// ErrUnknown is the answer for an effect that is unknown or of another tenant.
var ErrUnknown = errs.Of(reason.EffectNotFound)

// Effect is one thing to do for a tenant.
type Effect struct {
	ID      string // a UUID, the key of idempotency
	Tenant  string // of the context where it is added
	ActorID string // who made the change
	Kind    string
	// OrderKey orders effects: of those with the same key of a tenant, one is
	// handed out when the older ones have ended. Unordered ones wait for nobody.
	OrderKey  *string
	Arguments map[string]string // ids only
	CreatedAt time.Time
	Delay     time.Duration // it is handed out no earlier than so long after it was added
	Attempt   int32         // how often it was handed out
}

// Key is an order key.
func Key(key string) *string { return &key }

// State is how far an effect is.
type State struct {
	Done    bool
	Outcome string // Done or Failed; empty before
	Result  map[string]string
}

// Dead is an effect that was set aside.
type Dead struct {
	Tenant, ID, Kind string
	Attempt          int32
	At               time.Time
}

//go:embed queries.sql
var queries string

// sql are the statements by their names.
var sql = statements(queries)

func statements(text string) map[string]string {
	named := map[string]string{}
	marks := regexp.MustCompile(`(?m)^-- name: (\w+)$`).FindAllStringSubmatchIndex(text, -1)
	for i, mark := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		named[text[mark[2]:mark[3]]] = text[mark[1]:end]
	}
	return named
}

// Add adds effects in the transaction of the change that has them, in their
// order, and announces them at the commit. The tenant is the transaction's.
func Add(ctx context.Context, tx pgx.Tx, effects ...Effect) error {
	if len(effects) == 0 {
		return nil
	}
	var ids []uuid.UUID
	var actors, kinds, arguments []string
	var keys []*string
	var created []time.Time
	var delays []float64
	for _, e := range effects {
		id, err := uuid.Parse(e.ID)
		if err != nil {
			return fmt.Errorf("effect id: %w", err)
		}
		encoded, err := encode(e.Arguments)
		if err != nil {
			return err
		}
		ids, actors, kinds = append(ids, id), append(actors, e.ActorID), append(kinds, e.Kind)
		keys, arguments, created = append(keys, e.OrderKey), append(arguments, encoded), append(created, e.CreatedAt)
		delays = append(delays, e.Delay.Seconds())
	}
	_, err := tx.Exec(ctx, sql["add"], pgx.NamedArgs{
		"ids": ids, "actors": actors, "kinds": kinds, "order_keys": keys, "arguments": arguments, "created": created,
		"delays": delays,
	})
	return err
}

// Finish ends as Done, in the caller's transaction, an effect that the caller did
// itself before it was handed out. One that has ended stays as it is.
func Finish(ctx context.Context, tx pgx.Tx, id string, at time.Time) error {
	_, err := tx.Exec(ctx, sql["finish"], pgx.NamedArgs{"id": id, "at": at})
	if err == nil {
		_, err = tx.Exec(ctx, sql["notify"]) // what waits behind it is due
	}
	return err
}

func encode(pairs map[string]string) (string, error) {
	if len(pairs) == 0 {
		return "{}", nil
	}
	encoded, err := json.Marshal(pairs)
	if err != nil {
		return "", fmt.Errorf("encoding an effect: %w", err)
	}
	return string(encoded), nil
}
