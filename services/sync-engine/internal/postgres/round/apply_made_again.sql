-- name: apply_made_again
-- The links of deleted accounts whose contacts go to accounts that were made again. They end and stay
-- as history; whoever comes back with the old id is decided anew. See apply_links for why it is written
-- as an insertion.
INSERT INTO entra_contact_links AS l (tenant_id, entra_tenant_id, entra_object_id, contact_id, client_id, status,
    last_seen_at, last_synced_at, created_at)
SELECT @tenant, @directory, c.entra_object_id, p.contact_id, @client, 'inactive', @now, @now, @now
FROM plan p
CROSS JOIN LATERAL (SELECT c.entra_object_id FROM contacts c WHERE c.id = p.contact_id LIMIT 1) c
WHERE p.n > @after AND p.n <= @up_to AND p.action = 'link' AND p.reason = 'made_again'
ORDER BY p.n
ON CONFLICT (tenant_id, entra_tenant_id, entra_object_id) DO UPDATE
SET status = 'orphaned', ended_at = EXCLUDED.last_seen_at
WHERE l.ended_at IS NULL AND l.relink_client_id IS NULL;
