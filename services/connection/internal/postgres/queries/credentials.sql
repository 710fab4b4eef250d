-- name: AppCredentials :one
SELECT secret_version FROM app_credentials WHERE tenant_id = @tenant_id;

-- name: PutAppCredentials :exec
INSERT INTO app_credentials (tenant_id, secret_version, updated_by, updated_at)
VALUES (@tenant_id, @secret_version, @updated_by, @updated_at)
ON CONFLICT (tenant_id) DO UPDATE
SET secret_version = excluded.secret_version, updated_by = excluded.updated_by, updated_at = excluded.updated_at;

-- name: DeleteAppCredentials :exec
DELETE FROM app_credentials WHERE tenant_id = @tenant_id;

-- name: RaiseCustomerEpoch :exec
-- Tokens of managed tenants that any replica keeps are void from here on.
UPDATE entra_partner_connections SET customer_epoch = customer_epoch + 1
WHERE tenant_id = @tenant_id AND status IN ('connected', 'validation_failed');
