-- The sign-in name that the field rule upn writes is shown, and told by the feed as of each change.
-- Null in what was kept before: nobody knows what it was. Versions come before the view, as in a
-- reader of the feed, which may ask for both.
ALTER TABLE contact_versions ADD COLUMN sign_in_name text;

CREATE OR REPLACE FUNCTION keep_contact_versions() RETURNS trigger
    LANGUAGE plpgsql SET search_path = syncengine, pg_temp
AS $$
BEGIN
    IF current_setting('app.keys_alone', true) = 'on' THEN
        RETURN NULL;
    END IF;
    INSERT INTO contact_versions (tenant_id, contact_id, version, client_id, external_id, full_name, email, phone, role, sign_in_name, inactive,
        deleted, entra_tenant_id, entra_object_id, last_entra_sync_at, entra_user_principal_name, entra_account_enabled, entra_sync_status,
        entra_sync_status_reason)
    SELECT r.tenant_id, r.id, r.version, r.client_id, r.external_id, r.full_name, r.email, r.phone, r.role, r.sign_in_name, r.inactive,
        r.deleted, r.entra_tenant_id, r.entra_object_id, r.last_entra_sync_at, r.entra_user_principal_name, r.entra_account_enabled, r.entra_sync_status,
        r.entra_sync_status_reason
    FROM replaced r
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE OR REPLACE VIEW contact_details WITH (security_invoker = true) AS
SELECT c.tenant_id, c.id, c.client_id, c.external_id, c.full_name, c.name_key, c.email, c.email_norm, c.phone, c.role,
       c.inactive, c.deleted, c.version, c.entra_tenant_id, c.entra_object_id, c.entra_sync_source,
       GREATEST(c.last_entra_sync_at,
                CASE WHEN l.gone_at IS NULL AND l.status <> 'orphaned' THEN d.last_round_at END) AS last_entra_sync_at,
       c.entra_user_principal_name, c.entra_account_enabled, c.entra_sync_status, c.entra_sync_status_reason,
       l.status AS link_status, c.sign_in_name
FROM contacts c
LEFT JOIN entra_contact_links l ON l.tenant_id = c.tenant_id AND l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = c.entra_object_id
LEFT JOIN directories d ON d.tenant_id = c.tenant_id AND d.entra_tenant_id = c.entra_tenant_id;
