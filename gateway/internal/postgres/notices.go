package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/gateway/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/gateway/internal/webhook"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// AddNotice implements webhook.NoticeStore.
func (s *Webhooks) AddNotice(ctx context.Context, m webhook.Message) error {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return err
	}
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		return q.InsertNotice(ctx, sqlc.InsertNoticeParams{TenantID: id.String(), ID: m.ID, Type: m.Type, Data: m.Data, At: m.At})
	})
}

// Notices implements webhook.NoticeStore.
func (s *Webhooks) Notices(ctx context.Context, since time.Time, after string, n int) (page []webhook.Event, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		rows, err := q.ListNotices(ctx, sqlc.ListNoticesParams{Since: since, After: after, Size: int32(n)}) // a few hundred
		for _, row := range rows {
			page = append(page, webhook.Event{Message: webhook.Message{ID: row.ID, Type: row.Type, At: row.At, Data: row.Data}})
		}
		return err
	}, pg.ReadOnly())
	return page, err
}

// AccessWatchers implements webhook.AccessStore.
func (s *Webhooks) AccessWatchers(ctx context.Context) (tenants []tenant.ID, err error) {
	err = pg.AcrossTenants(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := sqlc.New(tx).AccessWatchers(ctx)
		for _, row := range rows {
			tenants = append(tenants, tenant.ID(row))
		}
		return err
	})
	return tenants, err
}
