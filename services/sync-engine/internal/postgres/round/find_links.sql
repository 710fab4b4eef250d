-- name: find_links
-- The links of a directory of which everybody was listed, with the numbers of the identities that were
-- staged; what was staged and the links are each read once.
INSERT INTO staged_link (n, object_id, contact_id, status, gone, ours, waits, passed)
SELECT s.n, l.entra_object_id, l.contact_id, l.status, l.gone_at IS NOT NULL, l.client_id = @client, COALESCE(l.relink_client_id = @relink_client, false),
       s.n IS NOT NULL AND s.failure IS NULL AND s.verdict IS NULL
FROM entra_contact_links l
LEFT JOIN stage s ON s.object_id = l.entra_object_id
WHERE l.entra_tenant_id = @directory AND l.ended_at IS NULL;
