-- name: ReleaseClients
-- At which clients the range's links that are to be relinked have their contacts now.
-- $1 directory, $2 client, $3 after n, $4 up to n
SELECT DISTINCT c.client_id
FROM plan p
CROSS JOIN LATERAL (
    SELECT l.contact_id FROM entra_contact_links l
    WHERE l.entra_tenant_id = $1 AND l.entra_object_id = p.object_id AND l.relink_client_id = $2
    LIMIT 1
) l
CROSS JOIN LATERAL (SELECT c.client_id FROM contacts c WHERE c.id = l.contact_id LIMIT 1) c
WHERE p.n > $3 AND p.n <= $4;
