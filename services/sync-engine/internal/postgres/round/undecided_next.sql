-- name: undecided_next
-- The next range of the kept identities that wait for a person.
SELECT max(r.object_id)
FROM (
    SELECT k.entra_object_id AS object_id FROM kept_identities k
    WHERE k.entra_tenant_id = @directory AND k.entra_object_id > @after_id AND k.failure IS NULL AND k.verdict IS NULL
    ORDER BY k.entra_object_id LIMIT @limit
) r;
