package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// tenantWide orders all effects of a tenant's connection.
const tenantWide = ""

// addEffect writes an effect in the transaction of the change that has it.
func addEffect(ctx context.Context, tx pgx.Tx, e connection.Effect) error {
	return outbox.Add(ctx, tx, outbox.Effect{
		ID: e.ID, ActorID: e.Actor, Kind: e.Kind, OrderKey: outbox.Key(tenantWide), Arguments: e.Arguments, CreatedAt: e.CreatedAt,
	})
}
