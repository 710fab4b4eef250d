-- name: tally_links_staged
-- How many of those with a link this range has.
SELECT count(*)
FROM (
    SELECT s.object_id FROM stage s WHERE s.n > @after AND s.n <= @up_to
    UNION ALL
    SELECT r.object_id FROM removed r WHERE r.n > @after AND r.n <= @up_to
) i
CROSS JOIN LATERAL (
    SELECT true AS found FROM entra_contact_links l
    WHERE l.entra_tenant_id = @directory AND l.entra_object_id = i.object_id AND l.ended_at IS NULL AND l.gone_at IS NULL
      AND l.relink_client_id IS DISTINCT FROM @relink_client::uuid
    LIMIT 1
) l;
