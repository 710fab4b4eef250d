package postgres

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
)

// TicketKey reads the tenant's key and adds the fresh one where there is none.
func (s *Store) TicketKey(ctx context.Context, fresh []byte, now time.Time) (key []byte, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		keys, err := q.TicketKey(ctx)
		if err == nil && len(keys) == 0 {
			if err = q.AddTicketKey(ctx, sqlc.AddTicketKeyParams{TenantID: tenantID, Key: fresh, Now: now}); err == nil {
				keys, err = q.TicketKey(ctx)
			}
		}
		if err == nil {
			key = keys[0]
		}
		return err
	})
	return key, err
}
