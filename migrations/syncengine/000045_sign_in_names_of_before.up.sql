-- In a migration of its own, so that lists of contacts are read while the index is made and those who are
-- linked already are keyed. The index comes first: no row is locked yet while the table's lock is waited for.
CREATE INDEX contacts_upn ON contacts (upn_key, tenant_id) WHERE upn_key IS NOT NULL;
DO $$
DECLARE
    tenant text;
BEGIN
    PERFORM set_config('app.keys_alone', 'on', true); -- each stays the version that it is
    FOR tenant IN SELECT tenant_id FROM tenants_with_people LOOP
        PERFORM set_config('app.tenant', tenant, true);
        UPDATE contacts SET upn_key = NULLIF(lower(entra_user_principal_name), email_norm)
        WHERE NULLIF(lower(entra_user_principal_name), email_norm) IS DISTINCT FROM upn_key;
    END LOOP;
END $$;
