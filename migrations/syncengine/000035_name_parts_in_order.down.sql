ALTER TABLE contact_name_parts ADD CONSTRAINT contact_name_parts_tenant_id_check CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$');
ALTER TABLE entra_run_identities ADD CONSTRAINT entra_run_identities_tenant_id_check CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$');
CREATE OR REPLACE FUNCTION add_name_parts() RETURNS trigger
    LANGUAGE plpgsql SET search_path = syncengine, pg_temp
AS $$
BEGIN
    INSERT INTO contact_name_parts (tenant_id, part, contact_id)
    SELECT m.tenant_id, left(array_to_string(m.words[i:], ' '), 64), m.id
    FROM (SELECT c.tenant_id, c.id, string_to_array(c.name_key, ' ') AS words FROM made c WHERE strpos(c.name_key, ' ') > 0) m
    CROSS JOIN LATERAL generate_series(2, LEAST(cardinality(m.words), 17)) AS i
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
DROP TRIGGER name_parts_changed ON contacts;
DROP FUNCTION rename_name_parts();
CREATE TRIGGER name_parts_changed AFTER UPDATE OF name_key ON contacts FOR EACH ROW WHEN (OLD.name_key <> NEW.name_key)
    EXECUTE FUNCTION change_name_parts();
