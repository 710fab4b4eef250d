-- name: GoneNext
-- The next range of the directory's links.
-- $1 directory, $2 after this identity, $3 how many
SELECT max(r.object_id), count(*)
FROM (SELECT l.entra_object_id AS object_id FROM entra_contact_links l WHERE l.entra_tenant_id = $1 AND l.entra_object_id > $2 ORDER BY l.entra_object_id LIMIT $3) r;
