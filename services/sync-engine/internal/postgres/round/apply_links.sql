-- name: apply_links
-- What becomes of links that stand. Written as an insertion that always meets the link's row, so that
-- it is found by its key and in no other way: of an UPDATE the planner may think that the directory
-- has a few links, and read them all for each range.
INSERT INTO entra_contact_links AS l (tenant_id, entra_tenant_id, entra_object_id, contact_id, client_id, status,
    last_seen_at, last_synced_at, created_at)
SELECT @tenant, @directory, p.object_id, p.contact_id, @client, 'inactive', @now, @now, @now
FROM plan p
WHERE p.n > @after AND p.n <= @up_to AND p.action IN ('inactivate', 'reactivate', 'resume', 'update', 'touch', 'seen', 'missing', 'absent')
ORDER BY p.n
ON CONFLICT (tenant_id, entra_tenant_id, entra_object_id) DO UPDATE
SET (status, gone_at, last_seen_at, last_synced_at) = (
    SELECT CASE p.action WHEN 'inactivate' THEN 'inactive' WHEN 'reactivate' THEN 'active' WHEN 'resume' THEN 'active' ELSE l.status END,
           CASE WHEN p.reason = 'deleted_upstream' THEN COALESCE(l.gone_at, @now) END,
           CASE WHEN p.reason = 'deleted_upstream' THEN l.last_seen_at ELSE @now END,
           @now
    FROM plan p WHERE p.object_id = EXCLUDED.entra_object_id LIMIT 1);
