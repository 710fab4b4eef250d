-- name: LockCurrent :one
-- The state that a change begins from: the active connection's, else that of the
-- one that was disconnected last.
SELECT id, status, connection_type
FROM entra_partner_connections
WHERE tenant_id = @tenant_id AND status <> 'replaced'
ORDER BY (status IN ('connected', 'validation_failed')) DESC, connected_at DESC, id DESC
LIMIT 1
FOR UPDATE;

-- name: LockActive :one
SELECT status, connection_type, secret_version, error_code
FROM entra_partner_connections
WHERE tenant_id = @tenant_id AND id = @id AND status IN ('connected', 'validation_failed')
FOR UPDATE;

-- name: InsertStatusEvent :exec
INSERT INTO status_events (tenant_id, id, at, actor_id, from_status, to_status, connection_type, reason)
VALUES (@tenant_id, @id, @at, @actor_id, @from_status, @to_status, @connection_type, @reason);

-- name: DueStatusEvents :many
SELECT tenant_id, id FROM status_events_open
WHERE leased_until IS NULL OR leased_until <= @now::timestamptz
ORDER BY at, id
LIMIT @max_events;

-- name: LeaseStatusEvents :many
UPDATE status_events SET leased_until = @leased_until::timestamptz
WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) AND acked_at IS NULL
  AND (leased_until IS NULL OR leased_until <= @now::timestamptz)
RETURNING id, at, actor_id, from_status, to_status, connection_type, reason;

-- name: AckStatusEvents :exec
UPDATE status_events SET acked_at = @acked_at::timestamptz
WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) AND acked_at IS NULL;

-- name: EndedWorkTenants :many
SELECT DISTINCT tenant_id FROM ended_work WHERE since < @before::timestamptz ORDER BY tenant_id;

-- name: DeleteEndedEffects :exec
DELETE FROM outbox WHERE tenant_id = @tenant_id AND done_at < @before::timestamptz;

-- name: DeleteAckedEvents :exec
DELETE FROM status_events WHERE tenant_id = @tenant_id AND acked_at < @before::timestamptz;
