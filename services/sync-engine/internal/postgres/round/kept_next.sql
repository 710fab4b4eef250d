-- name: kept_next
-- The next range of the identities that are kept.
SELECT max(r.object_id), count(*)
FROM (
    SELECT k.entra_object_id AS object_id FROM kept_identities k
    WHERE k.entra_tenant_id = @directory AND k.entra_object_id > @after_id ORDER BY k.entra_object_id LIMIT @limit
) r;
