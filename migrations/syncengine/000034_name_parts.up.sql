-- A search finds a contact by the beginning of any word of its name. contacts_name has names from their
-- first word on; these are names from their second word on, from their third on, and so on. The order of
-- the key is the order of the list, so that a search reads no more rows than a page has.
CREATE TABLE contact_name_parts (
    tenant_id  text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    part       text COLLATE "C" NOT NULL,
    contact_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, part, contact_id)
);
ALTER TABLE contact_name_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE contact_name_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON contact_name_parts USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
GRANT SELECT, INSERT, DELETE ON contact_name_parts TO entrasync_syncengine;

-- Whatever makes contacts, renames or erases them keeps the parts, in the same transaction. A part is
-- cut at 64 characters, and a name has 16 of them at most.
CREATE FUNCTION add_name_parts() RETURNS trigger
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
CREATE TRIGGER name_parts_made AFTER INSERT ON contacts REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION add_name_parts();

CREATE FUNCTION change_name_parts() RETURNS trigger
    LANGUAGE plpgsql SET search_path = syncengine, pg_temp
AS $$
DECLARE
    words text[] := string_to_array(OLD.name_key, ' ');
BEGIN
    DELETE FROM contact_name_parts p
    WHERE p.tenant_id = OLD.tenant_id AND p.contact_id = OLD.id
      AND p.part = ANY (ARRAY(SELECT left(array_to_string(words[i:], ' '), 64) FROM generate_series(2, LEAST(cardinality(words), 17)) AS i));
    IF TG_OP = 'UPDATE' THEN
        words := string_to_array(NEW.name_key, ' ');
        INSERT INTO contact_name_parts (tenant_id, part, contact_id)
        SELECT NEW.tenant_id, left(array_to_string(words[i:], ' '), 64), NEW.id FROM generate_series(2, LEAST(cardinality(words), 17)) AS i
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER name_parts_changed AFTER UPDATE OF name_key ON contacts FOR EACH ROW WHEN (OLD.name_key <> NEW.name_key)
    EXECUTE FUNCTION change_name_parts();
CREATE TRIGGER name_parts_erased AFTER DELETE ON contacts FOR EACH ROW EXECUTE FUNCTION change_name_parts();

-- Those that there are.
ALTER TABLE contacts NO FORCE ROW LEVEL SECURITY;
ALTER TABLE contact_name_parts NO FORCE ROW LEVEL SECURITY;
INSERT INTO contact_name_parts (tenant_id, part, contact_id)
SELECT m.tenant_id, left(array_to_string(m.words[i:], ' '), 64), m.id
FROM (SELECT c.tenant_id, c.id, string_to_array(c.name_key, ' ') AS words FROM contacts c WHERE strpos(c.name_key, ' ') > 0) m
CROSS JOIN LATERAL generate_series(2, LEAST(cardinality(m.words), 17)) AS i
ON CONFLICT DO NOTHING;
ALTER TABLE contact_name_parts FORCE ROW LEVEL SECURITY;
ALTER TABLE contacts FORCE ROW LEVEL SECURITY;
