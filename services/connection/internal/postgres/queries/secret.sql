-- name: InsertSecret :exec
INSERT INTO secrets (tenant_id, key, version, sealed, key_id, created_at)
VALUES (@tenant_id, @key, @version, @sealed, @key_id, @created_at);

-- name: Secret :one
SELECT sealed FROM secrets WHERE tenant_id = @tenant_id AND key = @key AND version = @version;

-- name: DeleteSecret :exec
DELETE FROM secrets WHERE tenant_id = @tenant_id AND key = @key;

-- name: DeleteOtherSecrets :exec
-- With a change of the kind of connection go the secrets of the other kinds.
DELETE FROM secrets WHERE tenant_id = @tenant_id AND key <> ALL(@kept::text[]);
