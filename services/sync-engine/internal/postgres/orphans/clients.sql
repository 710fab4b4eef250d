-- name: orphans_clients
-- At which clients the contacts of the range's orphaned links are.
SELECT DISTINCT c.client_id
FROM entra_contact_links l
CROSS JOIN LATERAL (SELECT c.client_id FROM contacts c WHERE c.id = l.contact_id LIMIT 1) c
WHERE l.entra_tenant_id = @directory AND l.entra_object_id > @after_id AND l.entra_object_id <= @up_to_id AND l.status = 'orphaned' AND l.ended_at IS NULL;
