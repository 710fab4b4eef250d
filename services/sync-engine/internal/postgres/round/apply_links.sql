-- name: apply_links
-- What becomes of links that stand. The rows are found again by their place, as in mapping_range.
WITH due AS MATERIALIZED (
    SELECT l.place, p.action, p.reason
    FROM plan p
    CROSS JOIN LATERAL (
        SELECT l.ctid AS place FROM entra_contact_links l
        WHERE l.entra_tenant_id = @directory AND l.entra_object_id = p.object_id
        LIMIT 1
    ) l
    WHERE p.n > @after AND p.n <= @up_to AND p.action IN ('inactivate', 'reactivate', 'resume', 'update', 'touch', 'seen', 'missing', 'absent')
)
UPDATE entra_contact_links l
SET status = CASE d.action WHEN 'inactivate' THEN 'inactive' WHEN 'reactivate' THEN 'active' WHEN 'resume' THEN 'active' ELSE l.status END,
    gone_at = CASE WHEN d.reason = 'deleted_upstream' THEN COALESCE(l.gone_at, @now) END,
    last_seen_at = CASE WHEN d.reason = 'deleted_upstream' THEN l.last_seen_at ELSE @now END,
    last_synced_at = @now
FROM due d
WHERE l.ctid = d.place;
