-- name: InsertStatusEvent :exec
INSERT INTO status_events (tenant_id, id, at, actor_id, from_status, to_status, connection_type, reason)
VALUES (@tenant_id, @id, @at, @actor_id, @from_status, @to_status, @connection_type, @reason);

-- name: DueStatusEvents :many
-- Each tenant is given its first before any its second, so that the many of one
-- hold up nobody else.
WITH turns AS (
  SELECT tenant_id, id, at, row_number() OVER (PARTITION BY tenant_id ORDER BY at, id) AS turn
  FROM status_events_open
  WHERE leased_until IS NULL OR leased_until <= @now::timestamptz
)
SELECT tenant_id, id FROM turns
ORDER BY turn, at, id
LIMIT @max_events;

-- name: LeaseStatusEvents :many
UPDATE status_events SET leased_until = @leased_until::timestamptz
WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) AND acked_at IS NULL
  AND (leased_until IS NULL OR leased_until <= @now::timestamptz)
RETURNING id, at, actor_id, from_status, to_status, connection_type, reason;

-- name: AckStatusEvents :exec
UPDATE status_events SET acked_at = @acked_at::timestamptz
WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) AND acked_at IS NULL;
