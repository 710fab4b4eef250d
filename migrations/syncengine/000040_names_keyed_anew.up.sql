-- Names are keyed anew by the service: where, it asks across tenants.
GRANT SELECT (tenant_id) ON feed_heads, directories TO entrasync_syncengine_views;
CREATE POLICY views ON feed_heads FOR SELECT TO entrasync_syncengine_views USING (true);
CREATE POLICY views ON directories FOR SELECT TO entrasync_syncengine_views USING (true);
-- Whoever has contacts has a feed, and whoever has kept identities a directory.
CREATE VIEW tenants_with_people AS
SELECT tenant_id FROM feed_heads UNION SELECT tenant_id FROM directories;
ALTER VIEW tenants_with_people OWNER TO entrasync_syncengine_views;
GRANT SELECT ON tenants_with_people TO entrasync_syncengine_across;

-- How often names of the tenant were keyed anew, which moves contacts in the order of names: a list is
-- not read on across it. Its row is written last by whoever changes contacts.
ALTER TABLE feed_heads ADD COLUMN keyed bigint NOT NULL DEFAULT 0;

-- A contact whose name is keyed anew stays the version that it is, so that version is not kept yet:
-- else there would be two of it.
CREATE OR REPLACE FUNCTION keep_contact_versions() RETURNS trigger
    LANGUAGE plpgsql SET search_path = syncengine, pg_temp
AS $$
BEGIN
    IF current_setting('app.keys_alone', true) = 'on' THEN
        RETURN NULL;
    END IF;
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
