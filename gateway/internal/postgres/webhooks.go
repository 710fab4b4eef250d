package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/gateway/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/gateway/internal/webhook"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// Webhooks keeps endpoints of hosts and what was sent to them.
type Webhooks struct{ pool *pg.Pool }

// NewWebhooks makes the store of webhooks.
func NewWebhooks(pool *pg.Pool) *Webhooks { return &Webhooks{pool: pool} }

func (s *Webhooks) in(ctx context.Context, fn func(ctx context.Context, q *sqlc.Queries) error, opts ...pg.TxOption) error {
	return pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, sqlc.New(tx)) }, opts...)
}

// List implements webhook.Store.
func (s *Webhooks) List(ctx context.Context) (all []webhook.Endpoint, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		rows, err := q.ListWebhooks(ctx)
		for _, row := range rows {
			all = append(all, endpointOf(sqlc.GetWebhookRow(row)))
		}
		return err
	}, pg.ReadOnly())
	return all, err
}

// Get implements webhook.Store.
func (s *Webhooks) Get(ctx context.Context, id uuid.UUID) (e webhook.Endpoint, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		row, err := q.GetWebhook(ctx, id)
		if pg.NoRows(err) {
			return webhook.ErrUnknown
		}
		e = endpointOf(row)
		return err
	}, pg.ReadOnly())
	return e, err
}

// Put implements webhook.Store.
func (s *Webhooks) Put(ctx context.Context, url string, now time.Time, fn func(*webhook.Endpoint, int) (webhook.Endpoint, error)) (e webhook.Endpoint, err error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return e, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		count, err := q.CountWebhooks(ctx)
		if err != nil {
			return err
		}
		row, err := q.LockWebhookAt(ctx, url)
		if err != nil && !pg.NoRows(err) {
			return err
		}
		if err != nil {
			return s.insert(ctx, q, id, now, func() (webhook.Endpoint, error) { return fn(nil, int(count)) }, &e)
		}
		current := endpointOf(sqlc.GetWebhookRow(row))
		if e, err = fn(&current, int(count)); err != nil {
			return err
		}
		if err := q.UpdateWebhook(ctx, sqlc.UpdateWebhookParams{
			ID: e.ID, Events: e.Events, State: string(e.State), DisabledReason: e.DisabledReason, Secret: e.Secret, OldSecret: e.OldSecret,
			OldSecretUntil: e.OldSecretUntil, OlderSecret: e.OlderSecret, OlderSecretUntil: e.OlderSecretUntil, FailingSince: e.FailingSince, Attempts: int32(e.Attempts), Now: now,
		}); err != nil {
			return err
		}
		return s.read(ctx, q, &e)
	})
	return e, err
}

func (s *Webhooks) insert(ctx context.Context, q *sqlc.Queries, id tenant.ID, now time.Time, made func() (webhook.Endpoint, error), e *webhook.Endpoint) error {
	var err error
	if *e, err = made(); err != nil {
		return err
	}
	if err := q.InsertWebhook(ctx, sqlc.InsertWebhookParams{
		TenantID: id.String(), ID: e.ID, Url: e.URL, Events: e.Events, State: string(e.State), DisabledReason: e.DisabledReason, Secret: e.Secret,
		FeedCursor: e.FeedCursor, Now: now,
	}); err != nil {
		return err
	}
	return s.read(ctx, q, e)
}

func (s *Webhooks) read(ctx context.Context, q *sqlc.Queries, e *webhook.Endpoint) error {
	row, err := q.GetWebhook(ctx, e.ID)
	*e = endpointOf(row)
	return err
}

// Delete implements webhook.Store.
func (s *Webhooks) Delete(ctx context.Context, id uuid.UUID) error {
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries) error { return one(q.DeleteWebhook(ctx, id)) })
}

// Rewind implements webhook.Store.
func (s *Webhooks) Rewind(ctx context.Context, id uuid.UUID, cursor string, since, now time.Time) error {
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		return one(q.RewindWebhook(ctx, sqlc.RewindWebhookParams{ID: id, FeedCursor: cursor, Since: since, Now: now}))
	})
}

// one is webhook.ErrUnknown where no row was found.
func one(rows int64, err error) error {
	if err == nil && rows == 0 {
		return webhook.ErrUnknown
	}
	return err
}

// Deliveries implements webhook.Store.
func (s *Webhooks) Deliveries(ctx context.Context, id, before uuid.UUID, n int) (all []webhook.Delivery, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		rows, err := q.ListDeliveries(ctx, sqlc.ListDeliveriesParams{WebhookID: id, Before: before, Size: int32(n)})
		for _, row := range rows {
			d := webhook.Delivery{
				ID: row.ID, MessageID: row.MessageID, Type: row.Type, Attempt: int(row.Attempt), Delivered: row.Delivered, Error: row.Error,
				Took: time.Duration(row.TookMs) * time.Millisecond, At: row.At,
			}
			if row.Status != nil {
				status := int(*row.Status)
				d.Status = &status
			}
			all = append(all, d)
		}
		return err
	}, pg.ReadOnly())
	return all, err
}

// AddDelivery implements webhook.Store. Of an endpoint that is gone nothing is kept.
func (s *Webhooks) AddDelivery(ctx context.Context, endpoint uuid.UUID, d webhook.Delivery) error {
	p := sqlc.InsertDeliveryParams{
		WebhookID: endpoint, ID: d.ID, MessageID: d.MessageID, Type: d.Type, Attempt: int32(d.Attempt), Delivered: d.Delivered, Error: d.Error,
		TookMs: int32(d.Took.Milliseconds()), At: d.At,
	}
	if d.Status != nil {
		status := int32(*d.Status)
		p.Status = &status
	}
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries) error { return q.InsertDelivery(ctx, p) })
}

// Due implements webhook.DeliveryStore.
func (s *Webhooks) Due(ctx context.Context, n int, but []tenant.ID) (due []webhook.Due, err error) {
	tenants := make([]string, len(but))
	for i, id := range but {
		tenants[i] = id.String()
	}
	err = pg.AcrossTenants(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := sqlc.New(tx).DueWebhooks(ctx, sqlc.DueWebhooksParams{But: tenants, Size: int32(n)})
		for _, row := range rows {
			due = append(due, webhook.Due{Tenant: tenant.ID(row.TenantID), ID: row.ID})
		}
		return err
	})
	return due, err
}

// Lease implements webhook.DeliveryStore.
func (s *Webhooks) Lease(ctx context.Context, id uuid.UUID, most time.Duration) (e webhook.Endpoint, mine bool, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		row, err := q.LeaseWebhook(ctx, sqlc.LeaseWebhookParams{ID: id, Seconds: most.Seconds()})
		if pg.NoRows(err) {
			return nil
		}
		e, mine = endpointOf(sqlc.GetWebhookRow(row)), err == nil
		return err
	})
	return e, mine, err
}

// Settle implements webhook.DeliveryStore.
func (s *Webhooks) Settle(ctx context.Context, was, is *webhook.Endpoint, pause time.Duration) error {
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		return q.SettleWebhook(ctx, sqlc.SettleWebhookParams{
			ID: is.ID, FeedCursor: is.FeedCursor, RunsUntil: is.RunsUntil, FailingSince: is.FailingSince, Attempts: int32(is.Attempts),
			PauseSeconds: pause.Seconds(), State: string(is.State), DisabledReason: is.DisabledReason, Lease: was.LeasedUntil, WasCursor: was.FeedCursor,
			WasReplayed: was.ReplayedAt,
		})
	})
}

// Delivered implements webhook.DeliveryStore.
func (s *Webhooks) Delivered(ctx context.Context, endpoint uuid.UUID, messageIDs []string, since time.Time) (got map[string]bool, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		ids, err := q.DeliveredMessages(ctx, sqlc.DeliveredMessagesParams{WebhookID: endpoint, MessageIds: messageIDs, Since: since})
		got = make(map[string]bool, len(ids))
		for _, id := range ids {
			got[id] = true
		}
		return err
	}, pg.ReadOnly())
	return got, err
}

// Forget implements webhook.DeliveryStore. Ids of deliveries begin with their time.
func (s *Webhooks) Forget(ctx context.Context, endpoint uuid.UUID, before time.Time) error {
	var first uuid.UUID
	ms := before.UnixMilli()
	for i := range 6 {
		first[i] = byte(ms >> (8 * (5 - i)))
	}
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		if err := q.ForgetNotices(ctx, before); err != nil {
			return err
		}
		return q.ForgetDeliveries(ctx, sqlc.ForgetDeliveriesParams{WebhookID: endpoint, Before: first})
	})
}

func endpointOf(row sqlc.GetWebhookRow) webhook.Endpoint {
	return webhook.Endpoint{
		ID: row.ID, URL: row.Url, Events: row.Events, State: webhook.State(row.State), DisabledReason: row.DisabledReason, Secret: row.Secret,
		OldSecret: row.OldSecret, OldSecretUntil: row.OldSecretUntil, OlderSecret: row.OlderSecret, OlderSecretUntil: row.OlderSecretUntil, FeedCursor: row.FeedCursor, RunsUntil: row.RunsUntil,
		FailingSince: row.FailingSince, Attempts: int(row.Attempts), NextAt: row.NextAt, LeasedUntil: row.LeasedUntil,
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, ReplayedAt: row.ReplayedAt,
	}
}
