-- name: AddStatistics :exec
-- Adds runs that have just ended to their days.
INSERT INTO sync_statistics (tenant_id, day, completed, partial, failed, cancelled, held, seconds, longest_seconds, tenants, failed_tenants,
    held_tenants, created, linked, updated, unchanged, ambiguous, inactivated, reactivated, filtered, failures)
SELECT r.tenant_id, (r.created_at AT TIME ZONE 'UTC')::date, count(*) FILTER (WHERE r.state = 'completed'), count(*) FILTER (WHERE r.state = 'partial'),
       count(*) FILTER (WHERE r.state = 'failed'), count(*) FILTER (WHERE r.state = 'cancelled'), count(*) FILTER (WHERE r.state = 'held'),
       sum(s.seconds), max(s.seconds), sum(t.tenants), sum(t.failed_tenants), sum(t.held_tenants), sum(t.created), sum(t.linked), sum(t.updated),
       sum(t.unchanged), sum(t.ambiguous), sum(t.inactivated), sum(t.reactivated), sum(t.filtered), sum(t.failures)
FROM entra_sync_runs r
CROSS JOIN LATERAL (SELECT COALESCE(extract(epoch FROM r.completed_at - r.started_at), 0)::bigint AS seconds) s
CROSS JOIN LATERAL (
    SELECT count(*) AS tenants, count(*) FILTER (WHERE x.state = 'failed') AS failed_tenants, count(*) FILTER (WHERE x.state = 'held') AS held_tenants,
           COALESCE(sum(x.created), 0) AS created, COALESCE(sum(x.linked), 0) AS linked, COALESCE(sum(x.updated), 0) AS updated,
           COALESCE(sum(x.unchanged), 0) AS unchanged, COALESCE(sum(x.ambiguous), 0) AS ambiguous, COALESCE(sum(x.inactivated), 0) AS inactivated,
           COALESCE(sum(x.reactivated), 0) AS reactivated, COALESCE(sum(x.filtered), 0) AS filtered, COALESCE(sum(x.failed), 0) AS failures
    FROM entra_sync_run_tenants x WHERE x.run_id = r.id
) t
WHERE r.id = ANY (@run_ids::uuid[]) AND NOT r.dry_run AND r.type <> 'discovery'
GROUP BY 1, 2
ON CONFLICT (tenant_id, day) DO UPDATE SET
    completed = sync_statistics.completed + EXCLUDED.completed, partial = sync_statistics.partial + EXCLUDED.partial,
    failed = sync_statistics.failed + EXCLUDED.failed, cancelled = sync_statistics.cancelled + EXCLUDED.cancelled,
    held = sync_statistics.held + EXCLUDED.held, seconds = sync_statistics.seconds + EXCLUDED.seconds,
    longest_seconds = GREATEST(sync_statistics.longest_seconds, EXCLUDED.longest_seconds), tenants = sync_statistics.tenants + EXCLUDED.tenants,
    failed_tenants = sync_statistics.failed_tenants + EXCLUDED.failed_tenants, held_tenants = sync_statistics.held_tenants + EXCLUDED.held_tenants,
    created = sync_statistics.created + EXCLUDED.created, linked = sync_statistics.linked + EXCLUDED.linked,
    updated = sync_statistics.updated + EXCLUDED.updated, unchanged = sync_statistics.unchanged + EXCLUDED.unchanged,
    ambiguous = sync_statistics.ambiguous + EXCLUDED.ambiguous, inactivated = sync_statistics.inactivated + EXCLUDED.inactivated,
    reactivated = sync_statistics.reactivated + EXCLUDED.reactivated, filtered = sync_statistics.filtered + EXCLUDED.filtered,
    failures = sync_statistics.failures + EXCLUDED.failures;

-- name: AddFailures :exec
INSERT INTO sync_failures (tenant_id, day, code, tenants)
SELECT r.tenant_id, (r.created_at AT TIME ZONE 'UTC')::date, x.error_code, count(*)
FROM entra_sync_runs r
JOIN entra_sync_run_tenants x ON x.run_id = r.id AND x.tenant_id = r.tenant_id
WHERE r.id = ANY (@run_ids::uuid[]) AND NOT r.dry_run AND r.type <> 'discovery' AND x.state = 'failed' AND x.error_code IS NOT NULL
GROUP BY 1, 2, 3
ON CONFLICT (tenant_id, day, code) DO UPDATE SET tenants = sync_failures.tenants + EXCLUDED.tenants;

-- name: ListStatistics :many
SELECT to_char(day, 'YYYY-MM-DD') AS day, completed, partial, failed, cancelled, held, seconds, longest_seconds, tenants, failed_tenants, held_tenants, created, linked,
       updated, unchanged, ambiguous, inactivated, reactivated, filtered, failures
FROM sync_statistics WHERE day >= to_date(@since, 'YYYY-MM-DD') ORDER BY day;

-- name: ListFailures :many
SELECT to_char(day, 'YYYY-MM-DD') AS day, code, tenants FROM sync_failures WHERE day >= to_date(@since, 'YYYY-MM-DD') ORDER BY day, code;

-- name: ListTenantResults :many
-- In the order in which they are synced.
SELECT run_id, managed_tenant_id, entra_tenant_id, client_id, mapping_revision, group_no, position, state, created, linked, updated, unchanged,
       ambiguous, inactivated, inactivated_gone, reactivated, filtered, failed, filtered_reasons, ambiguous_reasons, failures, held_reason,
       held_count, held_digest, error_code, error_message, error_remedy, started_at, completed_at
FROM entra_sync_run_tenants
WHERE run_id = @run_id AND (group_no, position) > (@after_group::integer, @after_position::integer)
  AND (sqlc.narg(states)::text[] IS NULL OR state = ANY (sqlc.narg(states)))
  AND (sqlc.narg(q)::text IS NULL OR starts_with(managed_tenant_id, sqlc.narg(q)) OR starts_with(entra_tenant_id, sqlc.narg(q))
       OR starts_with(client_id::text, sqlc.narg(q)) OR error_code = sqlc.narg(q))
ORDER BY group_no, position
LIMIT @size;

-- name: CountTenantResults :one
SELECT count(*) FROM entra_sync_run_tenants
WHERE run_id = @run_id
  AND (sqlc.narg(states)::text[] IS NULL OR state = ANY (sqlc.narg(states)))
  AND (sqlc.narg(q)::text IS NULL OR starts_with(managed_tenant_id, sqlc.narg(q)) OR starts_with(entra_tenant_id, sqlc.narg(q))
       OR starts_with(client_id::text, sqlc.narg(q)) OR error_code = sqlc.narg(q));
