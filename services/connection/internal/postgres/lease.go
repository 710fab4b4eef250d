package postgres

import (
	"context"
	"errors"
	"log/slog"

	"github.com/google/uuid"
)

// beyond is how many more rows than asked for are looked at: whoever pulls at the
// same time sees the same ones first, and some may not be to be had.
const beyond = 256

// waiting is a row that somebody is to get.
type waiting struct {
	tenant string
	id     uuid.UUID
}

// handOut leases waiting rows, at most so many, in their order, each tenant's in a
// transaction of its own. What somebody else was faster with is left out, and the
// next taken in its place. What cannot be leased holds up no other: what is leased
// must be handed out, or it would lie until its lease ends.
func handOut[T any](ctx context.Context, what string, rows []waiting, most int32, lease func(tenantID string, ids []uuid.UUID) ([]T, error)) ([]T, error) {
	var out []T
	var failed []error
	for len(rows) > 0 && len(out) < int(most) && ctx.Err() == nil {
		next := rows[:min(len(rows), int(most)-len(out))]
		rows = rows[len(next):]
		tenants, ids := []string{}, map[string][]uuid.UUID{}
		for _, row := range next {
			if ids[row.tenant] == nil {
				tenants = append(tenants, row.tenant)
			}
			ids[row.tenant] = append(ids[row.tenant], row.id)
		}
		for _, tenantID := range tenants {
			leased, err := lease(tenantID, ids[tenantID])
			if err != nil {
				failed = append(failed, err)
				continue // the lease was rolled back
			}
			out = append(out, leased...)
		}
	}
	if len(out) == 0 {
		return nil, errors.Join(failed...)
	}
	if len(failed) > 0 {
		slog.WarnContext(ctx, "rows not leased", "what", what, "transactions", len(failed), "error", errors.Join(failed...))
	}
	return out, nil
}
