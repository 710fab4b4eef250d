-- name: InsertSession :exec
INSERT INTO sessions (tenant_id, token_hash, session_id, actor_id, sealed, created_at, last_used_at, expires_at)
VALUES (@tenant_id, @token_hash, @session_id, @actor_id, @sealed, @created_at, @last_used_at, @expires_at);

-- name: FindSessionTenant :one
SELECT tenant_id FROM session_tenants WHERE token_hash = @token_hash;

-- name: FindSession :one
SELECT token_hash, session_id, actor_id, sealed, created_at, last_used_at, expires_at
FROM sessions
WHERE tenant_id = @tenant_id AND token_hash = @token_hash;

-- name: TouchSession :exec
UPDATE sessions SET last_used_at = @now
WHERE tenant_id = @tenant_id AND token_hash = @token_hash AND last_used_at < @now;

-- name: ShortenSession :execrows
UPDATE sessions SET expires_at = LEAST(expires_at, @until)
WHERE tenant_id = @tenant_id AND token_hash = @token_hash;

-- name: LockSessionsOf :exec
-- Waits for tokens that are being replaced, so that what deletes them sees the new ones.
SELECT token_hash FROM sessions
WHERE tenant_id = @tenant_id AND actor_id = @actor_id
FOR UPDATE;

-- name: DeleteSession :exec
DELETE FROM sessions WHERE tenant_id = @tenant_id AND session_id = @session_id;

-- name: DeleteSessionsOf :exec
DELETE FROM sessions WHERE tenant_id = @tenant_id AND actor_id = @actor_id;

-- name: SweepSessions :exec
-- What has ended, and the person's oldest beyond so many.
DELETE FROM sessions AS d
WHERE d.tenant_id = @tenant_id AND (d.expires_at <= @now OR d.last_used_at <= @idle OR d.token_hash IN (
    SELECT s.token_hash
    FROM sessions s
    WHERE s.tenant_id = @tenant_id AND s.actor_id = @actor_id
    ORDER BY s.created_at DESC
    OFFSET @keep::integer));
