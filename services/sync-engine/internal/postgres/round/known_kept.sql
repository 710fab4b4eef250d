-- name: known_kept
SELECT i.id, false, k.properties
FROM unnest(@ids::text[]) AS i (id)
CROSS JOIN LATERAL (SELECT k.properties FROM kept_identities k WHERE k.entra_tenant_id = @directory AND k.entra_object_id = i.id LIMIT 1) k;
