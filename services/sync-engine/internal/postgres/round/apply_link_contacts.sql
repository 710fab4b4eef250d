-- name: ApplyLinkContacts
-- A match takes the markers and no other field. Who was made inactive by sync, and lost the link
-- since, is active upstream again. See ApplyContacts for why the ids stand there twice.
-- $1 directory, $2 after n, $3 up to n, $4 now
UPDATE contacts c
SET entra_tenant_id = $1, entra_object_id = s.object_id, entra_sync_source = 'entra_sync', last_entra_sync_at = $4,
    entra_user_principal_name = s.upn, entra_account_enabled = s.enabled, entra_sync_status = 'active', entra_sync_status_reason = NULL,
    inactive = c.inactive AND NOT c.inactivated_by_sync, inactivated_by_sync = false,
    version = c.version + 1, updated_at = $4
FROM plan p JOIN stage s ON s.n = p.n
WHERE p.n > $2 AND p.n <= $3 AND p.action = 'link' AND c.id = p.contact_id
  AND c.id = ANY (ARRAY(SELECT d.contact_id FROM plan d WHERE d.n > $2 AND d.n <= $3 AND d.action = 'link'));
