-- name: keeps_some
SELECT EXISTS (SELECT FROM kept_identities k WHERE k.entra_tenant_id = @directory);
