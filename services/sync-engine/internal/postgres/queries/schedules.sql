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
