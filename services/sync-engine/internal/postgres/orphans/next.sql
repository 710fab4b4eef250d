-- name: orphans_next
-- The next range of orphaned links that a decision has not come to.
SELECT max(r.object_id), count(*)
FROM (
    SELECT l.entra_object_id AS object_id
    FROM entra_contact_links l
    WHERE l.entra_tenant_id = @directory AND l.entra_object_id > @after_id AND l.status = 'orphaned' AND l.ended_at IS NULL
      AND l.relink_decision_id IS DISTINCT FROM @decision::uuid
    ORDER BY l.entra_object_id LIMIT @limit
) r;
