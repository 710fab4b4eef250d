-- name: ClaimKey :execrows
-- Leases go by the clock of the database: those of the replicas may differ by more than a lease.
INSERT INTO idempotency_keys (scope, tenant_id, owner, body_hash, leased_until, expires_at)
VALUES (@scope, @tenant_id, @owner, @body_hash, now() + make_interval(secs => @lease_seconds::double precision), @expires_at)
ON CONFLICT (scope) DO NOTHING;

-- name: LockKey :one
SELECT body_hash, answer, expires_at, GREATEST(extract(epoch FROM leased_until - clock_timestamp()), 0)::double precision AS lease_left
FROM idempotency_keys
WHERE scope = @scope
FOR UPDATE;

-- name: TakeOverKey :exec
UPDATE idempotency_keys
SET owner = @owner, body_hash = @body_hash, answer = NULL, leased_until = now() + make_interval(secs => @lease_seconds::double precision), expires_at = @expires_at
WHERE scope = @scope;

-- name: StoreAnswer :exec
UPDATE idempotency_keys SET answer = @answer WHERE scope = @scope AND owner = @owner AND answer IS NULL;

-- name: ReleaseKey :exec
DELETE FROM idempotency_keys WHERE scope = @scope AND owner = @owner AND answer IS NULL;

-- name: SweepKeys :exec
DELETE FROM idempotency_keys
WHERE scope IN (
    SELECT k.scope FROM idempotency_keys k
    WHERE k.tenant_id IS NOT DISTINCT FROM @tenant_id AND k.expires_at < @now
    LIMIT 100
    FOR UPDATE SKIP LOCKED);

-- name: TrimKeys :exec
-- The oldest answers go first. What still runs stays.
DELETE FROM idempotency_keys
WHERE scope IN (
    SELECT k.scope
    FROM (
        SELECT a.scope, a.answer IS NOT NULL AS ended,
            sum(COALESCE(octet_length(a.answer), 0) + @per_key::bigint) OVER (ORDER BY a.expires_at DESC, a.scope) AS bytes
        FROM idempotency_keys a
        WHERE a.tenant_id IS NOT DISTINCT FROM @tenant_id) k
    WHERE k.ended AND k.bytes > @budget::bigint);
