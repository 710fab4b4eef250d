-- name: mapping_next
-- The next range of links that do not agree with the mapping.
SELECT max(r.object_id), count(*)
FROM (
    SELECT l.entra_object_id AS object_id
    FROM entra_contact_links l
    WHERE l.entra_tenant_id = @directory AND l.entra_object_id > @after_id AND l.ended_at IS NULL
      AND ((l.client_id IS DISTINCT FROM @client::uuid) <> (l.status = 'orphaned') OR l.relink_client_id IS NOT NULL)
    ORDER BY l.entra_object_id LIMIT @limit
) r;
