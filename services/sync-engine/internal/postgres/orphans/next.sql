-- name: OrphansNext
-- The next range of orphaned links that a decision has not come to.
-- $1 directory, $2 decision, $3 after this identity, $4 how many
SELECT max(r.object_id), count(*)
FROM (
    SELECT l.entra_object_id AS object_id
    FROM entra_contact_links l
    WHERE l.entra_tenant_id = $1 AND l.entra_object_id > $3 AND l.status = 'orphaned' AND l.ended_at IS NULL
      AND l.relink_decision_id IS DISTINCT FROM $2::uuid
    ORDER BY l.entra_object_id LIMIT $4
) r;
