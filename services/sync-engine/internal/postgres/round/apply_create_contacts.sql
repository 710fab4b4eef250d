-- name: ApplyCreateContacts
-- $1 tenant, $2 directory, $3 client, $4 after n, $5 up to n, $6 now, $7 show the sign-in name
INSERT INTO contacts (tenant_id, id, client_id, full_name, name_key, email, email_norm, phone, role, sign_in_name, made_by,
    entra_tenant_id, entra_object_id, entra_sync_source, last_entra_sync_at, entra_user_principal_name, entra_account_enabled,
    entra_sync_status, created_at, updated_at)
SELECT $1, s.contact_id, $3, s.full_name, s.name_key, s.email, s.email_norm, s.phone, s.role, CASE WHEN $7 THEN s.upn ELSE '' END, 'sync',
    $2, s.object_id, 'entra_sync', $6, s.upn, s.enabled, 'active', $6, $6
FROM plan p JOIN stage s ON s.n = p.n
WHERE p.n > $4 AND p.n <= $5 AND p.action = 'create'
ORDER BY p.n;
