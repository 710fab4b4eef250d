-- name: DecideUnlinked
-- Matching by address within the client: the first address that hits decides. The client is
-- compared so that no index but that of the address can serve. A contact is another identity's
-- until that link has ended: an orphaned one may take up again.
-- $1 directory, $2 client, $3 after n, $4 up to n, $5 one address may be used by several clients, $6 the client
-- whose links to be relinked count as none
WITH hit AS MATERIALIZED (
    SELECT a.n, a.ord, c.id, c.taken
    FROM address a
    CROSS JOIN LATERAL (SELECT s.object_id FROM stage s WHERE s.n = a.n LIMIT 1) s
    CROSS JOIN LATERAL (
        SELECT c.id, c.entra_object_id IS NOT NULL AND (c.entra_tenant_id, c.entra_object_id) <> ($1, s.object_id) AND EXISTS (
                   SELECT FROM entra_contact_links l
                   WHERE l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = c.entra_object_id AND l.ended_at IS NULL) AS taken
        FROM contacts c
        WHERE c.email_norm = a.address AND c.client_id IS NOT DISTINCT FROM $2::uuid AND NOT c.deleted
        OFFSET 0
    ) c
    WHERE a.n > $3 AND a.n <= $4
), first AS (
    SELECT n, min(ord) AS ord FROM hit GROUP BY n
), match AS MATERIALIZED (
    SELECT h.n, count(*) AS hits, bool_or(h.taken) AS taken, (array_agg(h.id))[1] AS contact_id
    FROM hit h JOIN first f ON f.n = h.n AND f.ord = h.ord
    GROUP BY h.n
), elsewhere AS MATERIALIZED (
    SELECT DISTINCT a.n
    FROM address a
    CROSS JOIN LATERAL (
        SELECT FROM contacts c
        WHERE c.email_norm = a.address AND c.client_id IS DISTINCT FROM $2::uuid AND NOT c.deleted
        LIMIT 1
    ) c
    WHERE NOT $5 AND a.n > $3 AND a.n <= $4
)
INSERT INTO plan (n, action, visible, object_id, contact_id, reason)
SELECT s.n,
       CASE WHEN d.n IS NOT NULL OR m.hits > 1 OR m.taken THEN 'queue'
            WHEN m.hits = 1 THEN 'link'
            WHEN e.n IS NOT NULL THEN 'queue'
            ELSE 'create' END,
       d.n IS NULL AND CASE WHEN m.n IS NULL THEN e.n IS NULL ELSE m.hits = 1 AND NOT m.taken END,
       s.object_id,
       CASE WHEN m.n IS NULL THEN s.contact_id ELSE m.contact_id END,
       CASE WHEN d.n IS NOT NULL THEN 'duplicate_identity_email'
            WHEN m.hits > 1 THEN 'multiple_email_matches'
            WHEN m.taken THEN 'contact_already_linked'
            WHEN m.n IS NULL AND e.n IS NOT NULL THEN 'email_in_use_elsewhere' END
FROM stage s
LEFT JOIN LATERAL (
    SELECT true AS found FROM entra_contact_links l
    WHERE l.entra_tenant_id = $1 AND l.entra_object_id = s.object_id AND l.ended_at IS NULL AND l.relink_client_id IS DISTINCT FROM $6::uuid
    LIMIT 1
) l ON true
LEFT JOIN duplicate d ON d.n = s.n
LEFT JOIN match m ON m.n = s.n
LEFT JOIN elsewhere e ON e.n = s.n
WHERE s.n > $3 AND s.n <= $4 AND s.failure IS NULL AND s.verdict IS NULL AND l.found IS NULL;
