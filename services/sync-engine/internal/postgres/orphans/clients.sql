-- name: OrphansClients
-- At which clients the contacts of the range's orphaned links are.
-- $1 directory, $2 after this identity, $3 up to this one
SELECT DISTINCT c.client_id
FROM entra_contact_links l
CROSS JOIN LATERAL (SELECT c.client_id FROM contacts c WHERE c.id = l.contact_id LIMIT 1) c
WHERE l.entra_tenant_id = $1 AND l.entra_object_id > $2 AND l.entra_object_id <= $3 AND l.status = 'orphaned' AND l.ended_at IS NULL;
