-- name: ApplyLinks
-- $1 directory, $2 after n, $3 up to n, $4 now
UPDATE entra_contact_links l
SET status = CASE p.action WHEN 'inactivate' THEN 'inactive' WHEN 'reactivate' THEN 'active' WHEN 'resume' THEN 'active' ELSE l.status END,
    gone_at = CASE WHEN p.reason = 'deleted_upstream' THEN COALESCE(l.gone_at, $4) END,
    last_seen_at = CASE WHEN p.reason = 'deleted_upstream' THEN l.last_seen_at ELSE $4 END,
    last_synced_at = $4
FROM plan p
WHERE p.n > $2 AND p.n <= $3 AND p.action IN ('inactivate', 'reactivate', 'resume', 'update', 'touch', 'seen', 'missing')
  AND l.entra_tenant_id = $1 AND l.entra_object_id = p.object_id;
