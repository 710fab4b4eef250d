-- name: LockGrant :exec
-- One change of a tenant's token set at a time, over all replicas.
SELECT pg_advisory_xact_lock(hashtextextended('connection:grant:' || @tenant_id::text, 0));
