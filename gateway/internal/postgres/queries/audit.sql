-- name: InsertAuditEvent :exec
INSERT INTO audit_events (id, tenant_id, occurred_at, actor_id, actor_type, action, outcome, request_id, remote_addr)
VALUES (@id, @tenant_id, @occurred_at, @actor_id, @actor_type, @action, @outcome, @request_id, @remote_addr);

-- name: InsertAuditEventOnce :exec
-- For events that another part numbers and may tell of more than once.
INSERT INTO audit_events (id, tenant_id, occurred_at, actor_id, actor_type, action, outcome, request_id, remote_addr)
VALUES (@id, @tenant_id, @occurred_at, @actor_id, @actor_type, @action, @outcome, @request_id, @remote_addr)
ON CONFLICT (id) DO NOTHING;

-- name: ListAuditEvents :many
SELECT id, occurred_at, actor_id, actor_type, action, outcome, request_id, remote_addr
FROM audit_events
WHERE tenant_id = @tenant_id AND id < @before
ORDER BY id DESC
LIMIT @page_size;
