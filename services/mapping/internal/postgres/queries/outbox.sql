-- name: AddEffect :exec
INSERT INTO outbox (id, actor_id, kind, arguments, created_at)
VALUES (@id, @actor_id, @kind, @arguments, @created_at);

-- name: WaitingEffects :many
-- Over all tenants, as the role that sees ids alone. A tenant's effects are done
-- in their order: one is due when no older one of the same tenant is open.
SELECT e.tenant_id, e.id
FROM waiting_effects e
WHERE (e.leased_until IS NULL OR e.leased_until <= @now)
  AND NOT EXISTS (
    SELECT FROM waiting_effects older
    WHERE older.tenant_id = e.tenant_id AND (older.created_at, older.id) < (e.created_at, e.id)
  )
ORDER BY e.created_at, e.id
LIMIT @most;

-- name: LeaseEffect :one
UPDATE outbox
SET leased_until = @until, attempt = attempt + 1
WHERE id = @id AND done_at IS NULL AND (leased_until IS NULL OR leased_until <= @now)
RETURNING tenant_id, id, actor_id, kind, arguments, created_at, attempt;

-- name: CloseEffect :execrows
UPDATE outbox
SET done_at = @at, outcome = @outcome, result = @result
WHERE id = @id AND done_at IS NULL;

-- name: LockEffect :one
SELECT attempt, done_at FROM outbox WHERE id = @id FOR UPDATE;

-- name: PostponeEffect :exec
UPDATE outbox SET leased_until = @until WHERE id = @id AND done_at IS NULL;

-- name: Effect :one
SELECT done_at, result FROM outbox WHERE id = @id;
