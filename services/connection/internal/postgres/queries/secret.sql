-- name: InsertSecret :exec
INSERT INTO secrets (tenant_id, key, version, sealed, key_id, created_at)
VALUES (@tenant_id, @key, @version, @sealed, @key_id, @created_at);

-- name: Secret :one
SELECT sealed FROM secrets WHERE tenant_id = @tenant_id AND key = @key AND version = @version;

-- name: DeleteSecret :exec
DELETE FROM secrets WHERE tenant_id = @tenant_id AND key = @key;

-- name: DeleteUnusedSecrets :exec
DELETE FROM secrets s
WHERE s.tenant_id = @tenant_id AND s.created_at < @before
  AND NOT EXISTS (SELECT FROM entra_partner_connections c WHERE c.tenant_id = s.tenant_id AND c.secret_version = s.version)
  AND NOT EXISTS (SELECT FROM app_credentials a WHERE a.tenant_id = s.tenant_id AND a.secret_version = s.version);

-- name: DeleteOtherProviderSecrets :exec
-- With a change of the kind of connection go the secrets of the other kinds.
DELETE FROM secrets WHERE tenant_id = @tenant_id AND key = ANY(@keys::text[]) AND key <> @kept;
