-- name: NotifyEffects :exec
-- Tells at the commit that effects came or went.
SELECT pg_notify('mapping_effects', '');

-- name: WaitingEffects :many
-- Over all tenants, as the role that sees ids alone. The effects of one managed
-- tenant are done in their order, and so are a tenant's others: one is due when
-- no older one is open. Each tenant is given its first before any its second, so
-- that the thousands of one hold up nobody else; within a tenant those of no managed
-- tenant, for which a person waits, come first.
WITH heads AS (
    SELECT DISTINCT ON (e.tenant_id, e.managed_tenant_id) e.tenant_id, e.id, e.managed_tenant_id, e.number, e.leased_until
    FROM waiting_effects e
    ORDER BY e.tenant_id, e.managed_tenant_id, e.number),
turns AS (
    SELECT h.tenant_id, h.id, h.number, h.leased_until,
           row_number() OVER (PARTITION BY h.tenant_id ORDER BY h.managed_tenant_id IS NOT NULL, h.number) AS turn
    FROM heads h)
SELECT t.tenant_id, t.id
FROM turns t
WHERE t.leased_until IS NULL OR t.leased_until <= @now::timestamptz
ORDER BY t.turn, t.number
LIMIT @most;

-- name: LeaseEffect :one
UPDATE outbox
SET leased_until = CASE WHEN kind = 'start_initial_sync' THEN @until::timestamptz ELSE @links_until::timestamptz END, attempt = attempt + 1
WHERE id = @id AND done_at IS NULL AND (leased_until IS NULL OR leased_until <= @now)
RETURNING tenant_id, id, actor_id, kind, arguments, created_at, attempt;

-- name: CloseEffect :execrows
UPDATE outbox
SET done_at = @at, outcome = @outcome, result = @result
WHERE id = @id AND done_at IS NULL;

-- name: LockEffect :one
SELECT attempt, kind, managed_tenant_id, done_at FROM outbox WHERE id = @id FOR UPDATE;

-- name: PostponeEffect :exec
UPDATE outbox SET leased_until = @until WHERE id = @id AND done_at IS NULL;

-- name: Effect :one
SELECT done_at, result FROM outbox WHERE id = @id;

-- name: CountOpenEffects :one
SELECT count(*)::integer FROM outbox WHERE id = ANY (@ids::uuid[]) AND done_at IS NULL;

-- name: RevisionOpen :one
-- Whether a change of the mapping has not been followed yet.
SELECT EXISTS (
    SELECT FROM outbox
    WHERE managed_tenant_id = @managed_tenant_id AND done_at IS NULL AND kind = 'mapping_revised');

-- name: TenantsWithFinishedEffects :many
SELECT DISTINCT tenant_id FROM finished_effects WHERE done_at < @before;

-- name: EraseFinishedEffects :execrows
DELETE FROM outbox WHERE done_at < @before;
