-- name: BeginDiscovery :execrows
-- Stores a discovery as running; one that failed begins again, with a listing of its
-- own, and one that has completed stays as it is.
INSERT INTO entra_discoveries AS d (id, state, started_at)
VALUES (@id, 'running', @started_at)
ON CONFLICT (tenant_id, id) DO UPDATE
SET state = 'running', started_at = EXCLUDED.started_at, completed_at = NULL, error_code = NULL, error_message = NULL, error_remedy = NULL
WHERE d.state <> 'completed';

-- name: CompletedDiscovery :one
SELECT discovered_tenant_count, unreadable_count, gone_count
FROM entra_discoveries
WHERE id = @id AND state = 'completed';

-- name: NewerCompleted :one
-- Whether a discovery that began after this one has completed.
SELECT EXISTS (
    SELECT FROM entra_discoveries newer
    JOIN entra_discoveries this ON this.id = @id
    WHERE newer.state = 'completed' AND newer.started_at > this.started_at);

-- name: CompleteDiscovery :execrows
UPDATE entra_discoveries
SET state = 'completed', completed_at = @completed_at, discovered_tenant_count = @discovered,
    unreadable_count = @unreadable, gone_count = @gone,
    error_code = NULL, error_message = NULL, error_remedy = NULL
WHERE id = @id AND state <> 'completed';

-- name: FailDiscovery :exec
UPDATE entra_discoveries
SET state = 'failed', completed_at = @completed_at,
    error_code = @error_code, error_message = @error_message, error_remedy = @error_remedy
WHERE id = @id AND state = 'running';

-- name: LatestDiscovery :one
SELECT id, state, started_at, completed_at, discovered_tenant_count, error_code, error_message, error_remedy
FROM entra_discoveries
ORDER BY started_at DESC, id DESC
LIMIT 1;

-- name: EnsureHead :exec
INSERT INTO entra_discovery_heads DEFAULT VALUES ON CONFLICT DO NOTHING;

-- name: LockHead :one
SELECT last_discovery_id, last_completed_at FROM entra_discovery_heads FOR UPDATE;

-- name: Head :one
SELECT last_discovery_id, last_completed_at FROM entra_discovery_heads;

-- name: MoveHead :exec
UPDATE entra_discovery_heads SET last_discovery_id = @id, last_completed_at = @completed_at;
