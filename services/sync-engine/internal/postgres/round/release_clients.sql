-- name: release_clients
-- At which clients the range's links that are to be relinked have their contacts now.
SELECT DISTINCT c.client_id
FROM plan p
CROSS JOIN LATERAL (
    SELECT l.contact_id FROM entra_contact_links l
    WHERE l.entra_tenant_id = @directory AND l.entra_object_id = p.object_id AND l.relink_client_id = @client
    LIMIT 1
) l
CROSS JOIN LATERAL (SELECT c.client_id FROM contacts c WHERE c.id = l.contact_id LIMIT 1) c
WHERE p.n > @after AND p.n <= @up_to;
