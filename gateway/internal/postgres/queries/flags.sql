-- name: FlagsOn :many
SELECT f.key
FROM feature_flag_tenants t
JOIN feature_flags f ON f.id = t.flag_id
WHERE t.tenant_id = @tenant_id;

-- name: ListFlags :many
SELECT id, key, description, created_at, updated_at
FROM feature_flags
ORDER BY key;

-- name: FindFlag :one
SELECT id, key, description, created_at, updated_at
FROM feature_flags
WHERE key = @id_or_key OR id::text = @id_or_key;

-- name: CreateFlag :execrows
INSERT INTO feature_flags (id, key, description, created_at, updated_at)
VALUES (@id, @key, @description, @now, @now)
ON CONFLICT (key) DO NOTHING;

-- name: TouchFlag :exec
UPDATE feature_flags SET updated_at = @now WHERE id = @id;

-- name: AddTarget :execrows
INSERT INTO feature_flag_tenants (tenant_id, flag_id, created_at)
VALUES (@tenant_id, @flag_id, @now)
ON CONFLICT (tenant_id, flag_id) DO NOTHING;

-- name: RemoveTarget :execrows
DELETE FROM feature_flag_tenants WHERE tenant_id = @tenant_id AND flag_id = @flag_id;

-- name: ListTargets :many
SELECT flag_id, tenant_id FROM flag_targets ORDER BY flag_id, tenant_id;
