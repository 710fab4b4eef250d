-- name: apply_missing
-- Contacts that are inactive since their account was disabled: it is gone by now, and that is the reason
-- from here on. See apply_contacts for how contacts are found.
UPDATE contacts c
SET entra_sync_status_reason = 'deleted_upstream', last_entra_sync_at = @now, version = c.version + 1, updated_at = @now
FROM plan p
WHERE p.n > @after AND p.n <= @up_to AND p.action = 'missing' AND c.id = p.contact_id AND @inactivate
  AND c.ctid = ANY (ARRAY(
      SELECT c.place FROM plan d CROSS JOIN LATERAL (SELECT c.ctid AS place FROM contacts c WHERE c.id = d.contact_id LIMIT 1) c
      WHERE d.n > @after AND d.n <= @up_to AND d.action = 'missing'))
  AND c.entra_tenant_id = @directory AND c.entra_object_id = p.object_id AND NOT c.deleted
  AND c.entra_sync_status = 'inactive' AND c.entra_sync_status_reason = 'disabled_upstream';
