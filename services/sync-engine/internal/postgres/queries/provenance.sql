-- name: GetProvenance :one
-- Where a contact came from, and its link. The times of a link that a round found unchanged are
-- those of its directory.
SELECT c.made_by, c.created_at, c.updated_at, c.inactive, c.inactivated_by_sync, c.entra_sync_status_reason,
       l.entra_tenant_id, l.entra_object_id, l.status, l.created_at AS linked_at, l.created_run_id, l.gone_at, l.last_seen_at, l.last_synced_at,
       d.managed_tenant_id, d.last_round_at
FROM contacts c
LEFT JOIN entra_contact_links l ON l.tenant_id = c.tenant_id AND l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = c.entra_object_id
LEFT JOIN directories d ON d.tenant_id = l.tenant_id AND d.entra_tenant_id = l.entra_tenant_id
WHERE c.id = @id;

-- name: ListLinkHistory :many
-- What became of the links that a contact had or got, newest first.
SELECT h.event, h.at, h.entra_tenant_id, h.entra_object_id, h.old_contact_id, h.old_client_id, h.new_contact_id, h.new_client_id,
       h.linked_at, h.decided_by, h.run_id
FROM entra_contact_link_history h
WHERE h.old_contact_id = @contact_id OR h.new_contact_id = @contact_id
ORDER BY h.at DESC, h.entra_tenant_id, h.entra_object_id
LIMIT 100;
