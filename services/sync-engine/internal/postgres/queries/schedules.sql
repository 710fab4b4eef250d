-- name: LockSchedule :many
-- At most one; none before the first run over all tenants has ended.
SELECT first_synced_at, failed_runs, quarantined_at FROM sync_schedules FOR UPDATE;

-- name: GetSchedule :many
SELECT first_synced_at, failed_runs, quarantined_at FROM sync_schedules;

-- name: PutSchedule :exec
INSERT INTO sync_schedules (tenant_id, first_synced_at, failed_runs, quarantined_at)
VALUES (@tenant_id, sqlc.narg(first_synced_at), @failed_runs, sqlc.narg(quarantined_at))
ON CONFLICT (tenant_id) DO UPDATE
SET first_synced_at = EXCLUDED.first_synced_at, failed_runs = EXCLUDED.failed_runs, quarantined_at = EXCLUDED.quarantined_at;

-- name: ScheduledTenants :many
SELECT tenant_id FROM scheduled_tenants WHERE tenant_id > @after ORDER BY tenant_id LIMIT @size;

-- name: CountFailures :exec
-- Adds a run's failures to those before. One that was not tried says nothing.
INSERT INTO failing_tenants AS f (tenant_id, managed_tenant_id, failed_runs, tried_at, code)
SELECT t.tenant_id, t.managed_tenant_id, 1, @now::timestamptz, COALESCE(t.error_code, '')
FROM entra_sync_run_tenants t
WHERE t.run_id = @run_id AND t.state = 'failed' AND t.error_code IS DISTINCT FROM @quarantined::text
  AND t.error_code IS DISTINCT FROM @not_processed::text
ON CONFLICT (tenant_id, managed_tenant_id) DO UPDATE
SET failed_runs = f.failed_runs + 1, tried_at = EXCLUDED.tried_at, code = EXCLUDED.code,
    quarantined_at = CASE WHEN f.failed_runs + 1 >= @most::integer THEN COALESCE(f.quarantined_at, EXCLUDED.tried_at) END;

-- name: ForgetFailures :exec
DELETE FROM failing_tenants f
USING entra_sync_run_tenants t
WHERE t.run_id = @run_id AND t.state IN ('completed', 'partial', 'held') AND t.tenant_id = f.tenant_id AND t.managed_tenant_id = f.managed_tenant_id;

-- name: LeaveOutFailing :exec
-- Managed tenants in quarantine that were tried a short time ago.
UPDATE entra_sync_run_tenants t
SET state = 'failed', error_code = @code::text, error_message = @message::text, error_remedy = @remedy::text,
    started_at = @now::timestamptz, completed_at = @now::timestamptz
FROM failing_tenants f
WHERE t.run_id = @run_id AND t.state = 'queued' AND f.tenant_id = t.tenant_id AND f.managed_tenant_id = t.managed_tenant_id
  AND f.quarantined_at IS NOT NULL AND f.tried_at > @tried_after::timestamptz;

-- name: QuarantinedTenants :many
SELECT managed_tenant_id, failed_runs, quarantined_at, code FROM failing_tenants
WHERE quarantined_at IS NOT NULL ORDER BY managed_tenant_id LIMIT @size;
