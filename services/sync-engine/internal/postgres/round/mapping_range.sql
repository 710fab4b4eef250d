-- name: mapping_range
-- Links made under another client wait for a person; mapped back, they are reactivated, unless their
-- contact has gone over to another identity. Whether their identities left the directory meanwhile, the
-- next listing says. What was decided about them on an older mapping is void. No contact is
-- written, but its link's status shows: the feed says so, last. The rows are found again by their place:
-- under row-level security and without statistics a join on the key goes quadratic, and nobody moves rows
-- of a directory whose lock we hold.
WITH due AS MATERIALIZED (
    SELECT l.ctid AS place, l.entra_object_id AS object_id, l.status AS was, c.mine, c.id AS contact_id, c.client_id, c.version,
           CASE WHEN l.client_id IS DISTINCT FROM @client::uuid THEN 'orphaned'
                WHEN l.status = 'orphaned' AND c.mine THEN COALESCE(c.entra_sync_status, 'active')
                ELSE l.status END AS becomes
    FROM entra_contact_links l
    CROSS JOIN LATERAL (
        SELECT c.id, c.client_id, c.version, c.entra_sync_status,
               COALESCE(c.entra_tenant_id = l.entra_tenant_id AND c.entra_object_id = l.entra_object_id, false) AS mine
        FROM contacts c WHERE c.id = l.contact_id LIMIT 1
    ) c
    WHERE l.entra_tenant_id = @directory AND l.entra_object_id > @after_id AND l.entra_object_id <= @up_to_id AND l.ended_at IS NULL
      AND ((l.client_id IS DISTINCT FROM @client::uuid) <> (l.status = 'orphaned') OR l.relink_client_id IS NOT NULL)
), moved AS (
    UPDATE entra_contact_links l
    SET status = d.becomes, gone_at = CASE WHEN d.was = 'orphaned' AND d.becomes <> d.was THEN NULL ELSE l.gone_at END, relink_client_id = NULL, relink_decision_id = NULL
    FROM due d
    WHERE l.ctid = d.place AND (d.becomes <> d.was OR l.relink_client_id IS NOT NULL)
    RETURNING d.object_id, d.was, d.becomes, d.mine, d.contact_id, d.client_id, d.version
), shown AS (
    SELECT contact_id, client_id, version, becomes, row_number() OVER (ORDER BY object_id) AS k FROM moved WHERE mine AND becomes <> was
), counted AS (
    SELECT count(*) AS k FROM shown
), head AS (
    INSERT INTO feed_heads (tenant_id, seq, at) SELECT @tenant, k, @at::timestamptz FROM counted WHERE k > 0
    ON CONFLICT (tenant_id) DO UPDATE SET seq = feed_heads.seq + EXCLUDED.seq, at = GREATEST(feed_heads.at, EXCLUDED.at)
    RETURNING seq, at
), fed AS (
    INSERT INTO contact_changes (tenant_id, seq, type, source, contact_id, client_id, version, link_status, fields, at)
    SELECT @tenant, head.seq - counted.k + s.k, 'contact.updated', 'person', s.contact_id, s.client_id, s.version, s.becomes, ARRAY['linkStatus'], head.at
    FROM shown s CROSS JOIN head CROSS JOIN counted
    ORDER BY s.k
)
SELECT count(*) FILTER (WHERE was = 'orphaned' AND becomes <> was) FROM moved;
