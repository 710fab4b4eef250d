-- name: ApplyChanges
-- The change feed, last: its head row is locked until the commit.
-- $1 tenant, $2 client, $3 after n, $4 up to n, $5 run, $6 now
WITH counted AS (
    SELECT count(*) AS k FROM plan WHERE n > $3 AND n <= $4 AND visible
), head AS (
    INSERT INTO feed_heads (tenant_id, seq) SELECT $1, k FROM counted WHERE k > 0
    ON CONFLICT (tenant_id) DO UPDATE SET seq = feed_heads.seq + EXCLUDED.seq
    RETURNING seq
)
INSERT INTO contact_changes (tenant_id, seq, type, source, contact_id, client_id, fields, run_id, at)
SELECT $1, head.seq - counted.k + row_number() OVER (ORDER BY p.n),
       CASE p.action WHEN 'create' THEN 'contact.created' WHEN 'link' THEN 'contact.linked' WHEN 'inactivate' THEN 'contact.inactivated'
                     WHEN 'reactivate' THEN 'contact.reactivated' ELSE 'contact.updated' END,
       'sync', p.contact_id, $2, p.fields, $5, $6
FROM plan p CROSS JOIN head CROSS JOIN counted
WHERE p.n > $3 AND p.n <= $4 AND p.visible
ORDER BY p.n;
