-- name: decide_matches
-- Which contacts of the client the range's addresses hit: the first address that hits decides. The
-- client is compared so that no index but that of the address can serve. A contact is another
-- identity's until that link has ended: an orphaned one may be reactivated.
INSERT INTO match (n, hits, taken, contact_id, alias, inactive, holder)
SELECT DISTINCT ON (h.n) h.n, h.hits, h.taken, h.contact_id, h.alias, h.inactive, h.holder
FROM (
    SELECT a.n, a.ord, count(*) AS hits, bool_or(c.taken) AS taken, CASE count(*) WHEN 1 THEN (array_agg(c.id))[1] END AS contact_id,
           bool_or(a.ord > s.own) AS alias, bool_or(c.inactive) AS inactive, max(c.entra_object_id) FILTER (WHERE c.taken AND c.entra_tenant_id = @directory) AS holder
    FROM address a
    CROSS JOIN LATERAL (SELECT s.object_id, s.own FROM stage s WHERE s.n = a.n LIMIT 1) s
    CROSS JOIN LATERAL (
        SELECT c.id, c.inactive, c.entra_tenant_id, c.entra_object_id, c.entra_object_id IS NOT NULL AND (c.entra_tenant_id, c.entra_object_id) <> (@directory, s.object_id) AND EXISTS (
                   SELECT FROM entra_contact_links l
                   WHERE l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = c.entra_object_id AND l.ended_at IS NULL
                   OFFSET 0) AS taken
        FROM contacts c
        WHERE c.email_norm = a.address AND c.client_id IS NOT DISTINCT FROM @client::uuid AND NOT c.deleted
        OFFSET 0
    ) c
    WHERE a.n > @after AND a.n <= @up_to
    GROUP BY a.n, a.ord
) h
ORDER BY h.n, h.ord;
