-- name: lock_head
INSERT INTO client_heads (tenant_id, client_id) VALUES (@tenant, @client)
ON CONFLICT (tenant_id, client_id) DO UPDATE SET revision = client_heads.revision
RETURNING revision;
