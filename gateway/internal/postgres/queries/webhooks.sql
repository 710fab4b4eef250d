-- name: ListWebhooks :many
SELECT id, url, events, state, disabled_reason, secret, old_secret, old_secret_until, older_secret, older_secret_until, feed_cursor, runs_until, failing_since, attempts,
       next_at, leased_until, created_at, updated_at, COALESCE(replayed_at, updated_at)::timestamptz AS replayed_at
FROM webhooks ORDER BY created_at, id;

-- name: GetWebhook :one
SELECT id, url, events, state, disabled_reason, secret, old_secret, old_secret_until, older_secret, older_secret_until, feed_cursor, runs_until, failing_since, attempts,
       next_at, leased_until, created_at, updated_at, COALESCE(replayed_at, updated_at)::timestamptz AS replayed_at
FROM webhooks WHERE id = @id;

-- name: LockWebhookAt :one
SELECT id, url, events, state, disabled_reason, secret, old_secret, old_secret_until, older_secret, older_secret_until, feed_cursor, runs_until, failing_since, attempts,
       next_at, leased_until, created_at, updated_at, COALESCE(replayed_at, updated_at)::timestamptz AS replayed_at
FROM webhooks WHERE url = @url FOR UPDATE;

-- name: InsertWebhook :exec
-- Turns and leases go by the clock of the database, here and below: those of the replicas may differ
-- by more than a lease.
INSERT INTO webhooks (tenant_id, id, url, events, state, disabled_reason, secret, feed_cursor, runs_until, next_at, leased_until, created_at, updated_at,
    replayed_at)
VALUES (@tenant_id, @id, @url, @events, @state, @disabled_reason, @secret, @feed_cursor, @now::timestamptz, now(), now(),
    @now::timestamptz, @now::timestamptz, @now::timestamptz);

-- name: UpdateWebhook :exec
-- What a person sets. An endpoint that is enabled anew begins where it stopped, at once.
UPDATE webhooks
SET events = @events, state = @state, disabled_reason = @disabled_reason, secret = @secret, old_secret = @old_secret,
    old_secret_until = @old_secret_until, older_secret = @older_secret, older_secret_until = @older_secret_until, failing_since = @failing_since, attempts = @attempts, next_at = now(), updated_at = @now::timestamptz,
    replayed_at = COALESCE(replayed_at, updated_at)
WHERE id = @id;

-- name: CountWebhooks :one
SELECT count(*) FROM webhooks;

-- name: DeleteWebhook :execrows
DELETE FROM webhooks WHERE id = @id;

-- name: RewindWebhook :execrows
UPDATE webhooks SET feed_cursor = @feed_cursor, runs_until = @since::timestamptz, attempts = 0, next_at = now(), updated_at = @now::timestamptz,
    replayed_at = @now::timestamptz
WHERE id = @id;

-- name: DueWebhooks :many
SELECT tenant_id, id FROM due_webhooks WHERE due_at <= now() AND tenant_id <> ALL (@but::text[]) ORDER BY due_at LIMIT @size;

-- name: LeaseWebhook :one
-- Only the holder of the lease sends.
UPDATE webhooks SET leased_until = now() + make_interval(secs => @seconds::double precision)
WHERE id = @id AND state = 'enabled' AND next_at <= now() AND leased_until <= now()
RETURNING id, url, events, state, disabled_reason, secret, old_secret, old_secret_until, older_secret, older_secret_until, feed_cursor, runs_until, failing_since, attempts,
       next_at, leased_until, created_at, updated_at, COALESCE(replayed_at, updated_at)::timestamptz AS replayed_at;

-- name: SettleWebhook :exec
-- How far the endpoint has come. Nothing is kept of what lost its lease or whose endpoint was
-- sent back meanwhile.
UPDATE webhooks
SET feed_cursor = @feed_cursor, runs_until = @runs_until, failing_since = @failing_since, attempts = @attempts,
    next_at = now() + make_interval(secs => @pause_seconds::double precision), state = @state, disabled_reason = @disabled_reason, leased_until = now()
WHERE id = @id AND leased_until = @lease::timestamptz AND feed_cursor = @was_cursor::text
  AND COALESCE(replayed_at, updated_at) = @was_replayed::timestamptz AND state = 'enabled';

-- name: InsertDelivery :exec
INSERT INTO webhook_deliveries (tenant_id, webhook_id, id, message_id, type, attempt, delivered, status, error, took_ms, at)
SELECT w.tenant_id, w.id, @id, @message_id, @type, @attempt, @delivered, @status, @error, @took_ms, @at::timestamptz
FROM webhooks w WHERE w.id = @webhook_id;

-- name: DeliveredMessages :many
SELECT DISTINCT message_id FROM webhook_deliveries
WHERE webhook_id = @webhook_id AND message_id = ANY (@message_ids::text[]) AND delivered AND at > @since::timestamptz;

-- name: ListDeliveries :many
SELECT id, message_id, type, attempt, delivered, status, error, took_ms, at
FROM webhook_deliveries WHERE webhook_id = @webhook_id AND id < @before
ORDER BY id DESC LIMIT @size;

-- name: ForgetDeliveries :exec
DELETE FROM webhook_deliveries WHERE webhook_id = @webhook_id AND id < @before;

-- name: InsertNotice :exec
INSERT INTO webhook_notices (tenant_id, id, type, data, at) VALUES (@tenant_id, @id, @type, @data, @at::timestamptz) ON CONFLICT DO NOTHING;

-- name: ListNotices :many
SELECT id, type, data, at FROM webhook_notices
WHERE at >= @since::timestamptz AND (at, id) > (@since::timestamptz, @after::text)
ORDER BY at, id LIMIT @size;

-- name: ForgetNotices :exec
DELETE FROM webhook_notices WHERE at < @before::timestamptz;

-- name: AccessWatchers :many
SELECT tenant_id FROM access_watchers ORDER BY tenant_id;
