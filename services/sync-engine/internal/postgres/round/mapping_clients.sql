-- name: mapping_clients
-- At which clients the contacts of the range's links are: other writers of these contacts wait, so that
-- the feed has their versions in order.
SELECT DISTINCT c.client_id
FROM entra_contact_links l
CROSS JOIN LATERAL (SELECT c.client_id FROM contacts c WHERE c.id = l.contact_id LIMIT 1) c
WHERE l.entra_tenant_id = @directory AND l.entra_object_id > @after_id AND l.entra_object_id <= @up_to_id AND l.ended_at IS NULL
  AND ((l.client_id IS DISTINCT FROM @client::uuid) <> (l.status = 'orphaned') OR l.relink_client_id IS NOT NULL);
