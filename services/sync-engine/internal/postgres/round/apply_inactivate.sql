-- name: apply_inactivate
-- See apply_contacts for how contacts are found.
UPDATE contacts c
SET inactive = true, inactivated_by_sync = c.inactivated_by_sync OR NOT c.inactive,
    entra_sync_status = 'inactive', entra_sync_status_reason = p.reason,
    entra_user_principal_name = CASE WHEN s.n IS NULL THEN c.entra_user_principal_name ELSE s.upn END,
    entra_account_enabled = CASE WHEN s.n IS NULL THEN c.entra_account_enabled ELSE s.enabled END,
    last_entra_sync_at = @now, version = c.version + 1, updated_at = @now
FROM plan p LEFT JOIN stage s ON s.n = p.n
WHERE p.n > @after AND p.n <= @up_to AND p.action = 'inactivate' AND c.id = p.contact_id
  AND c.ctid = ANY (ARRAY(
      SELECT c.place FROM plan d CROSS JOIN LATERAL (SELECT c.ctid AS place FROM contacts c WHERE c.id = d.contact_id LIMIT 1) c
      WHERE d.n > @after AND d.n <= @up_to AND d.action = 'inactivate'));
