CREATE OR REPLACE FUNCTION keep_contact_versions() RETURNS trigger
    LANGUAGE plpgsql SET search_path = syncengine, pg_temp
AS $$
BEGIN
    INSERT INTO contact_versions (tenant_id, contact_id, version, client_id, external_id, full_name, email, phone, role, inactive, deleted,
        entra_tenant_id, entra_object_id, last_entra_sync_at, entra_user_principal_name, entra_account_enabled, entra_sync_status,
        entra_sync_status_reason)
    SELECT r.tenant_id, r.id, r.version, r.client_id, r.external_id, r.full_name, r.email, r.phone, r.role, r.inactive, r.deleted,
        r.entra_tenant_id, r.entra_object_id, r.last_entra_sync_at, r.entra_user_principal_name, r.entra_account_enabled, r.entra_sync_status,
        r.entra_sync_status_reason
    FROM replaced r
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
ALTER TABLE feed_heads DROP COLUMN keyed;
DROP VIEW tenants_with_people;
DROP POLICY views ON directories;
DROP POLICY views ON feed_heads;
REVOKE SELECT (tenant_id) ON feed_heads, directories FROM entrasync_syncengine_views;
