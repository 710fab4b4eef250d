-- name: EnsureSettings :exec
INSERT INTO entra_sync_settings (tenant_id, updated_at) VALUES (@tenant_id, @now) ON CONFLICT (tenant_id) DO NOTHING;

-- name: GetSettings :one
SELECT automatic_sync, interval_minutes, filter_guests, filter_unlicensed, filter_service_accounts, custom_patterns, filter_groups,
       always_include, never_include, field_display_name, field_email, field_phone, field_role, field_upn, mark_inactive_when_disabled,
       allow_same_email_across_clients, guard_min_count, guard_percent, version, updated_at, updated_by,
       -- The marks of people who were erased on request.
       ARRAY(SELECT DISTINCT mark FROM erased_people)::bytea[] AS erased,
       (SELECT count(*) FROM erasures WHERE lifted_at IS NOT NULL)::integer AS lifted
FROM entra_sync_settings;

-- name: LockSettings :exec
SELECT FROM entra_sync_settings FOR UPDATE;

-- name: UpdateSettings :exec
UPDATE entra_sync_settings
SET automatic_sync = @automatic_sync, interval_minutes = @interval_minutes, filter_guests = @filter_guests,
    filter_unlicensed = @filter_unlicensed, filter_service_accounts = @filter_service_accounts, custom_patterns = @custom_patterns,
    filter_groups = @filter_groups, always_include = @always_include, never_include = @never_include,
    field_display_name = @field_display_name, field_email = @field_email, field_phone = @field_phone, field_role = @field_role,
    field_upn = @field_upn, mark_inactive_when_disabled = @mark_inactive_when_disabled,
    allow_same_email_across_clients = @allow_same_email_across_clients, guard_min_count = @guard_min_count, guard_percent = @guard_percent,
    version = @version, updated_at = @updated_at, updated_by = @updated_by;

-- name: EnsureManagedTenantSettings :exec
INSERT INTO managed_tenant_settings (tenant_id, managed_tenant_id, updated_at) VALUES (@tenant_id, @managed_tenant_id, @now)
ON CONFLICT (tenant_id, managed_tenant_id) DO NOTHING;

-- name: GetManagedTenantSettings :one
SELECT filter_guests, filter_unlicensed, filter_service_accounts, custom_patterns, filter_groups, always_include, never_include,
       field_display_name, field_email, field_phone, field_role, field_upn, version, updated_at, updated_by
FROM managed_tenant_settings WHERE managed_tenant_id = @managed_tenant_id;

-- name: LockManagedTenantSettings :exec
SELECT FROM managed_tenant_settings WHERE managed_tenant_id = @managed_tenant_id FOR UPDATE;

-- name: UpdateManagedTenantSettings :exec
UPDATE managed_tenant_settings
SET filter_guests = sqlc.narg(filter_guests), filter_unlicensed = sqlc.narg(filter_unlicensed),
    filter_service_accounts = sqlc.narg(filter_service_accounts), custom_patterns = sqlc.narg(custom_patterns),
    filter_groups = sqlc.narg(filter_groups), always_include = sqlc.narg(always_include), never_include = sqlc.narg(never_include),
    field_display_name = sqlc.narg(field_display_name), field_email = sqlc.narg(field_email), field_phone = sqlc.narg(field_phone),
    field_role = sqlc.narg(field_role), field_upn = sqlc.narg(field_upn), version = @version, updated_at = @updated_at, updated_by = @updated_by
WHERE managed_tenant_id = @managed_tenant_id;

-- name: AddSettingsChange :exec
INSERT INTO settings_changes (tenant_id, id, managed_tenant_id, version, changed_at, changed_by, fields, before, after)
VALUES (@tenant_id, @id, @managed_tenant_id, @version, @changed_at, @changed_by, @fields, @before, @after);

-- name: ListSettingsChanges :many
-- Newest first: ids are in the order of time.
SELECT id, managed_tenant_id, version, changed_at, changed_by, fields, before, after
FROM settings_changes
WHERE (sqlc.narg(after)::uuid IS NULL OR id < sqlc.narg(after))
ORDER BY tenant_id DESC, id DESC LIMIT @size;

-- name: ListManagedTenantSettingsChanges :many
SELECT id, managed_tenant_id, version, changed_at, changed_by, fields, before, after
FROM settings_changes
WHERE managed_tenant_id = @managed_tenant_id AND (sqlc.narg(after)::uuid IS NULL OR id < sqlc.narg(after))
ORDER BY id DESC LIMIT @size;

-- name: EnableAutomaticSync :execrows
-- By the first initial run that got through. Once it was on, off is a person's decision.
UPDATE entra_sync_settings SET automatic_sync = true, version = version + 1, updated_at = @now, updated_by = ''
WHERE NOT automatic_sync
  AND NOT EXISTS (SELECT FROM entra_sync_runs r
                  WHERE r.type = 'initial' AND NOT r.dry_run AND r.state IN ('completed', 'partial', 'held') AND r.id <> @run_id::uuid);
