-- name: apply_changes
-- The change feed, last: its head row is locked until the commit. A contact that the host moved is
-- told of as its own client's.
WITH due AS MATERIALIZED (
    SELECT p.n, true AS planned,
           CASE p.action WHEN 'create' THEN 'contact.created' WHEN 'link' THEN 'contact.linked' WHEN 'inactivate' THEN 'contact.inactivated'
                         WHEN 'reactivate' THEN 'contact.reactivated' ELSE 'contact.updated' END AS type,
           p.contact_id, c.client_id, p.fields
    FROM plan p
    CROSS JOIN LATERAL (SELECT c.client_id FROM contacts c WHERE c.id = p.contact_id LIMIT 1) c
    WHERE p.n > @after AND p.n <= @up_to AND p.visible
    UNION ALL
    SELECT n, false, 'contact.updated', contact_id, client_id, ARRAY['entraObjectId', 'linkStatus'] FROM released
    WHERE n > @after AND n <= @up_to AND freed
), counted AS (
    SELECT count(*) AS k FROM due
), head AS (
    INSERT INTO feed_heads (tenant_id, seq) SELECT @tenant, k FROM counted WHERE k > 0
    ON CONFLICT (tenant_id) DO UPDATE SET seq = feed_heads.seq + EXCLUDED.seq
    RETURNING seq
)
INSERT INTO contact_changes (tenant_id, seq, type, source, contact_id, client_id, fields, run_id, at)
SELECT @tenant, head.seq - counted.k + row_number() OVER (ORDER BY d.n, d.planned), d.type, 'sync', d.contact_id, d.client_id, d.fields, @run, @now
FROM due d CROSS JOIN head CROSS JOIN counted
ORDER BY d.n, d.planned;
