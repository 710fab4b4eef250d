-- name: links_next
-- The next range of the directory's links.
SELECT max(r.object_id), count(*)
FROM (
    SELECT l.entra_object_id AS object_id FROM entra_contact_links l
    WHERE l.entra_tenant_id = @directory AND l.entra_object_id > @after_id ORDER BY l.entra_object_id LIMIT @limit
) r;
