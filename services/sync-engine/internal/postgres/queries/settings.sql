-- name: EnsureSettings :exec
INSERT INTO entra_sync_settings (tenant_id, updated_at) VALUES (@tenant_id, @now) ON CONFLICT (tenant_id) DO NOTHING;

-- name: GetSettings :one
SELECT automatic_sync, interval_minutes, filter_guests, filter_unlicensed, filter_service_accounts, custom_patterns, field_display_name,
       field_email, field_phone, field_role, field_upn, mark_inactive_when_disabled, allow_same_email_across_clients, guard_min_count, guard_percent
FROM entra_sync_settings;

-- name: EnableAutomaticSync :exec
-- By the first initial run that got through. Once it was on, off is a person's decision.
UPDATE entra_sync_settings SET automatic_sync = true, updated_at = @now
WHERE NOT automatic_sync
  AND NOT EXISTS (SELECT FROM entra_sync_runs r
                  WHERE r.type = 'initial' AND NOT r.dry_run AND r.state IN ('completed', 'partial', 'held') AND r.id <> @run_id);
