-- name: InsertAuditEvent :exec
INSERT INTO audit_events (id, tenant_id, occurred_at, actor_id, actor_type, action, outcome, request_id, remote_addr)
VALUES (@id, @tenant_id, @occurred_at, @actor_id, @actor_type, @action, @outcome, @request_id, @remote_addr);

-- name: SettleAuditEvent :exec
-- Writes an event, or what became of one that was written when it began. What has an outcome keeps
-- it, so that an event that comes more than once stands there once.
INSERT INTO audit_events (id, tenant_id, occurred_at, actor_id, actor_type, action, outcome, request_id, remote_addr)
VALUES (@id, @tenant_id, @occurred_at, @actor_id, @actor_type, @action, @outcome, @request_id, @remote_addr)
ON CONFLICT (id) DO UPDATE SET outcome = EXCLUDED.outcome
WHERE audit_events.outcome = 'pending';

-- name: AddUnknownCallers :exec
-- One event a minute, to which every process adds. It names the address that most came from.
INSERT INTO audit_events (id, tenant_id, occurred_at, actor_id, actor_type, action, outcome, request_id, remote_addr, attempts)
VALUES (@id, NULL, @minute, 'unknown', 'platform', @action, 'unauthenticated', '', @remote_addr, @attempts)
ON CONFLICT (id) DO UPDATE SET
    attempts = audit_events.attempts + EXCLUDED.attempts,
    remote_addr = CASE WHEN EXCLUDED.attempts > audit_events.attempts THEN EXCLUDED.remote_addr ELSE audit_events.remote_addr END;

-- name: KeepAuditMonths :many
SELECT keep_audit_months(@months::integer)::text AS done;

-- name: ListAuditEvents :many
SELECT id, occurred_at, actor_id, actor_type, action, outcome, request_id, remote_addr
FROM audit_events
WHERE tenant_id = @tenant_id AND id < @before
ORDER BY id DESC
LIMIT @page_size;
