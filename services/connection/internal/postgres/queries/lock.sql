-- name: LockGrant :exec
-- One writer of a tenant's secrets at a time, over all replicas.
SELECT pg_advisory_xact_lock(hashtextextended('connection:grant:' || @tenant_id::text, 0));
