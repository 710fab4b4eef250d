-- name: ApplyChanges
-- The change feed, last: its head row is locked until the commit.
-- $1 tenant, $2 client, $3 after n, $4 up to n, $5 run, $6 now, $7 source
WITH due AS MATERIALIZED (
    SELECT n, true AS planned,
           CASE action WHEN 'create' THEN 'contact.created' WHEN 'link' THEN 'contact.linked' WHEN 'inactivate' THEN 'contact.inactivated'
                       WHEN 'reactivate' THEN 'contact.reactivated' ELSE 'contact.updated' END AS type,
           contact_id, $2::uuid AS client_id, fields
    FROM plan WHERE n > $3 AND n <= $4 AND visible
    UNION ALL
    SELECT n, false, 'contact.updated', contact_id, client_id, ARRAY['entraObjectId', 'linkStatus'] FROM released WHERE n > $3 AND n <= $4
), counted AS (
    SELECT count(*) AS k FROM due
), head AS (
    INSERT INTO feed_heads (tenant_id, seq) SELECT $1, k FROM counted WHERE k > 0
    ON CONFLICT (tenant_id) DO UPDATE SET seq = feed_heads.seq + EXCLUDED.seq
    RETURNING seq
)
INSERT INTO contact_changes (tenant_id, seq, type, source, contact_id, client_id, fields, run_id, at)
SELECT $1, head.seq - counted.k + row_number() OVER (ORDER BY d.n, d.planned), d.type, $7, d.contact_id, d.client_id, d.fields, $5, $6
FROM due d CROSS JOIN head CROSS JOIN counted
ORDER BY d.n, d.planned;
