-- name: ApplyChanges
-- The change feed, last: its head row is locked until the commit. A contact that the host moved is
-- told of as its own client's.
-- $1 tenant, $2 after n, $3 up to n, $4 run, $5 now
WITH due AS MATERIALIZED (
    SELECT p.n, true AS planned,
           CASE p.action WHEN 'create' THEN 'contact.created' WHEN 'link' THEN 'contact.linked' WHEN 'inactivate' THEN 'contact.inactivated'
                         WHEN 'reactivate' THEN 'contact.reactivated' ELSE 'contact.updated' END AS type,
           p.contact_id, c.client_id, p.fields
    FROM plan p
    CROSS JOIN LATERAL (SELECT c.client_id FROM contacts c WHERE c.id = p.contact_id LIMIT 1) c
    WHERE p.n > $2 AND p.n <= $3 AND p.visible
    UNION ALL
    SELECT n, false, 'contact.updated', contact_id, client_id, ARRAY['entraObjectId', 'linkStatus'] FROM released
    WHERE n > $2 AND n <= $3 AND freed
), counted AS (
    SELECT count(*) AS k FROM due
), head AS (
    INSERT INTO feed_heads (tenant_id, seq) SELECT $1, k FROM counted WHERE k > 0
    ON CONFLICT (tenant_id) DO UPDATE SET seq = feed_heads.seq + EXCLUDED.seq
    RETURNING seq
)
INSERT INTO contact_changes (tenant_id, seq, type, source, contact_id, client_id, fields, run_id, at)
SELECT $1, head.seq - counted.k + row_number() OVER (ORDER BY d.n, d.planned), d.type, 'sync', d.contact_id, d.client_id, d.fields, $4, $5
FROM due d CROSS JOIN head CROSS JOIN counted
ORDER BY d.n, d.planned;
