-- name: find_links_range
-- The links of the range.
INSERT INTO staged_link (n, object_id, contact_id, status, gone, ours, waits, passed)
SELECT s.n, l.entra_object_id, l.contact_id, l.status, l.gone_at IS NOT NULL, l.client_id = @client, COALESCE(l.relink_client_id = @relink_client, false),
       s.n IS NOT NULL AND s.failure IS NULL AND s.verdict IS NULL
FROM stage s
CROSS JOIN LATERAL (
    SELECT l.entra_object_id, l.contact_id, l.status, l.gone_at, l.client_id, l.relink_client_id
    FROM entra_contact_links l
    WHERE l.entra_tenant_id = @directory AND l.entra_object_id = s.object_id AND l.ended_at IS NULL
    LIMIT 1
) l
WHERE s.n > @after AND s.n <= @up_to;
