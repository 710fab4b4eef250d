-- name: apply_changes
-- The change feed, last: its head row is locked until the commit. The time is that of this range, and never before
-- the last change's, whichever of a round's sessions comes first. A contact that the host moved has
-- an entry of its own client, with the version that it came to; the entry of one that this transaction made
-- is of the round's client, with the first version.
WITH due AS MATERIALIZED (
    SELECT p.n, true AS planned,
           CASE p.action WHEN 'create' THEN 'contact.created' WHEN 'link' THEN 'contact.linked' WHEN 'inactivate' THEN 'contact.inactivated'
                         WHEN 'reactivate' THEN 'contact.reactivated' ELSE 'contact.updated' END AS type,
           p.contact_id, COALESCE(c.client_id, @client) AS client_id, COALESCE(c.version, 1) AS version, p.fields,
           CASE WHEN p.action IN ('create', 'link', 'reactivate', 'resume') THEN 'active' WHEN p.action = 'inactivate' THEN 'inactive'
                ELSE (SELECT l.status FROM entra_contact_links l
                      WHERE l.entra_tenant_id = @directory AND l.entra_object_id = p.object_id LIMIT 1) END AS link_status
    FROM plan p
    LEFT JOIN LATERAL (SELECT c.client_id, c.version FROM contacts c WHERE p.action <> 'create' AND c.id = p.contact_id LIMIT 1) c ON true
    WHERE p.n > @after AND p.n <= @up_to AND p.visible
    UNION ALL
    SELECT r.n, false, 'contact.updated', r.contact_id, r.client_id, c.version, ARRAY['entraObjectId', 'linkStatus'], NULL
    FROM released r
    CROSS JOIN LATERAL (SELECT c.version FROM contacts c WHERE c.id = r.contact_id LIMIT 1) c
    WHERE r.n > @after AND r.n <= @up_to AND r.freed
), counted AS (
    SELECT count(*) AS k FROM due
), head AS (
    INSERT INTO feed_heads (tenant_id, seq, at) SELECT @tenant, k, @at::timestamptz FROM counted WHERE k > 0
    ON CONFLICT (tenant_id) DO UPDATE SET seq = feed_heads.seq + EXCLUDED.seq, at = GREATEST(feed_heads.at, EXCLUDED.at)
    RETURNING seq, at
)
INSERT INTO contact_changes (tenant_id, seq, type, source, contact_id, client_id, version, link_status, fields, run_id, at)
SELECT @tenant, head.seq - counted.k + row_number() OVER (ORDER BY d.n, d.planned), d.type, 'sync', d.contact_id, d.client_id, d.version, d.link_status, d.fields, @run, head.at
FROM due d CROSS JOIN head CROSS JOIN counted
ORDER BY d.n, d.planned;
