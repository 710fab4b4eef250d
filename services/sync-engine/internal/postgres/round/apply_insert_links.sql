-- name: apply_insert_links
INSERT INTO entra_contact_links (tenant_id, entra_tenant_id, entra_object_id, contact_id, client_id, status,
    last_seen_at, last_synced_at, created_at, created_run_id)
SELECT @tenant, @directory, p.object_id, p.contact_id, @client, 'active', @now, @now, @now, @run
FROM plan p
WHERE p.n > @after AND p.n <= @up_to AND p.action IN ('create', 'link')
ORDER BY p.n;
