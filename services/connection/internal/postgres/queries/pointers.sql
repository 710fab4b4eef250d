-- name: AppCredentials :one
SELECT secret_version, client_id, customer_access FROM app_credentials WHERE tenant_id = @tenant_id;

-- name: PutAppCredentials :exec
INSERT INTO app_credentials (tenant_id, secret_version, client_id, customer_access, updated_by, updated_at)
VALUES (@tenant_id, @secret_version, @client_id::text, @customer_access::text, @updated_by, @updated_at)
ON CONFLICT (tenant_id) DO UPDATE
SET secret_version = excluded.secret_version, client_id = excluded.client_id, customer_access = excluded.customer_access,
    updated_by = excluded.updated_by, updated_at = excluded.updated_at;

-- name: DeleteAppCredentials :exec
DELETE FROM app_credentials WHERE tenant_id = @tenant_id;

-- name: UsedSecrets :many
-- The versions that rows point to, and what each belongs to.
SELECT c.connection_type, c.secret_version::text AS version FROM entra_partner_connections c
WHERE c.tenant_id = @tenant_id AND c.secret_version IS NOT NULL
UNION ALL
SELECT 'app', a.secret_version FROM app_credentials a WHERE a.tenant_id = @tenant_id;
