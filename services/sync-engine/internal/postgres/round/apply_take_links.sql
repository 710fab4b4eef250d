-- name: apply_take_links
-- As apply_insert_links, where the directory has links that a person ended or wants to see relinked:
-- there the identity's row is taken over. A relinked one is the same link as before.
INSERT INTO entra_contact_links AS l (tenant_id, entra_tenant_id, entra_object_id, contact_id, client_id, status,
    last_seen_at, last_synced_at, created_at, created_run_id)
SELECT @tenant, @directory, p.object_id, p.contact_id, @client, 'active', @now, @now, @now, @run
FROM plan p
WHERE p.n > @after AND p.n <= @up_to AND p.action IN ('create', 'link')
ORDER BY p.n
ON CONFLICT (tenant_id, entra_tenant_id, entra_object_id) DO UPDATE
SET contact_id = EXCLUDED.contact_id, client_id = EXCLUDED.client_id, status = 'active', gone_at = NULL,
    ended_at = NULL, relink_client_id = NULL, relink_decision_id = NULL,
    last_seen_at = EXCLUDED.last_seen_at, last_synced_at = EXCLUDED.last_synced_at,
    created_at = CASE WHEN l.ended_at IS NULL THEN l.created_at ELSE EXCLUDED.created_at END,
    created_run_id = CASE WHEN l.ended_at IS NULL THEN l.created_run_id ELSE EXCLUDED.created_run_id END
WHERE l.ended_at IS NOT NULL OR l.relink_client_id = EXCLUDED.client_id;
