-- name: FollowNext
-- The next range of links that do not agree with the mapping.
-- $1 directory, $2 client or null, $3 after this identity, $4 how many
SELECT max(r.object_id), count(*)
FROM (
    SELECT l.entra_object_id AS object_id
    FROM entra_contact_links l
    WHERE l.entra_tenant_id = $1 AND l.entra_object_id > $3 AND l.ended_at IS NULL
      AND ((l.client_id IS DISTINCT FROM $2::uuid) <> (l.status = 'orphaned') OR l.relink_client_id IS NOT NULL)
    ORDER BY l.entra_object_id LIMIT $4
) r;
