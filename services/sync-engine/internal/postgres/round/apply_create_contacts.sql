-- name: apply_create_contacts
INSERT INTO contacts (tenant_id, id, client_id, full_name, name_key, email, email_norm, phone, role, sign_in_name, made_by,
    entra_tenant_id, entra_object_id, entra_sync_source, last_entra_sync_at, entra_user_principal_name, entra_account_enabled,
    entra_sync_status, created_at, updated_at)
SELECT @tenant, s.contact_id, @client, s.full_name, s.name_key, s.email, s.email_norm, s.phone, s.role, CASE WHEN @field_upn THEN s.upn ELSE '' END, 'sync',
    @directory, s.object_id, 'entra_sync', @now, s.upn, s.enabled, 'active', @now, @now
FROM plan p JOIN stage s ON s.n = p.n
WHERE p.n > @after AND p.n <= @up_to AND p.action = 'create'
ORDER BY p.n;
