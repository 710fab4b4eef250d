-- name: LockHead
INSERT INTO client_heads (tenant_id, client_id) VALUES ($1, $2)
ON CONFLICT (tenant_id, client_id) DO UPDATE SET revision = client_heads.revision
RETURNING revision;
