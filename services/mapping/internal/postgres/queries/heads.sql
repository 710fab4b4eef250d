-- name: EnsureHead :exec
INSERT INTO entra_mapping_heads DEFAULT VALUES ON CONFLICT DO NOTHING;

-- name: LockHead :one
SELECT version FROM entra_mapping_heads FOR UPDATE;

-- name: Version :one
SELECT COALESCE((SELECT version FROM entra_mapping_heads), 0)::bigint;

-- name: RaiseVersion :one
UPDATE entra_mapping_heads SET version = version + 1 RETURNING version;
