-- name: AddEffect :exec
INSERT INTO outbox (id, actor_id, kind, arguments, created_at)
VALUES (@id, @actor_id, @kind, @arguments, @created_at);

-- name: WaitingEffects :many
-- Over all tenants, as the role that sees ids alone.
SELECT tenant_id, id
FROM waiting_effects
WHERE leased_until IS NULL OR leased_until <= @now
ORDER BY created_at, id
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
