-- name: apply_link_contacts
-- A match takes the markers and no other field. A contact that sync made inactive, and that lost
-- its link since, is active upstream again. See apply_contacts for how contacts are found.
UPDATE contacts c
SET entra_tenant_id = @directory, entra_object_id = s.object_id, entra_sync_source = 'entra_sync', last_entra_sync_at = @now,
    entra_user_principal_name = s.upn, entra_account_enabled = s.enabled, entra_sync_status = 'active', entra_sync_status_reason = NULL,
    inactive = c.inactive AND NOT c.inactivated_by_sync, inactivated_by_sync = false,
    version = c.version + 1, updated_at = @now
FROM plan p JOIN stage s ON s.n = p.n
WHERE p.n > @after AND p.n <= @up_to AND p.action = 'link' AND c.id = p.contact_id
  AND c.ctid = ANY (ARRAY(
      SELECT c.place FROM plan d CROSS JOIN LATERAL (SELECT c.ctid AS place FROM contacts c WHERE c.id = d.contact_id LIMIT 1) c
      WHERE d.n > @after AND d.n <= @up_to AND d.action = 'link'));
