-- name: InsertEffect :exec
INSERT INTO outbox (tenant_id, id, actor_id, kind, arguments, created_at)
VALUES (@tenant_id, @id, @actor_id, @kind, @arguments, @created_at);

-- name: DueEffects :many
-- A tenant's effects are done in their order: one is due when no older one of
-- the same tenant is open.
SELECT e.tenant_id, e.id FROM outbox_open e
WHERE (e.leased_until IS NULL OR e.leased_until <= @now::timestamptz)
  AND NOT EXISTS (
    SELECT FROM outbox_open older
    WHERE older.tenant_id = e.tenant_id AND older.number < e.number
  )
ORDER BY e.number
LIMIT @max_effects;

-- name: LeaseEffects :many
UPDATE outbox SET leased_until = @leased_until::timestamptz, attempt = attempt + 1
WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) AND done_at IS NULL
  AND (leased_until IS NULL OR leased_until <= @now::timestamptz)
RETURNING id, actor_id, kind, arguments, created_at, attempt;

-- name: EffectState :one
SELECT attempt, done_at FROM outbox WHERE tenant_id = @tenant_id AND id = @id;

-- name: FinishEffect :exec
UPDATE outbox SET done_at = @done_at::timestamptz, outcome = @outcome::text, result = @result::jsonb
WHERE tenant_id = @tenant_id AND id = @id AND done_at IS NULL;

-- name: PostponeEffect :exec
UPDATE outbox SET leased_until = @leased_until::timestamptz
WHERE tenant_id = @tenant_id AND id = @id AND done_at IS NULL;
