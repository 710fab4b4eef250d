-- The parts of the names of a whole batch are written in the order of their index, and without looking
-- whether they stand: contacts that were just made have none. Only parts that are cut can be the same.
CREATE OR REPLACE FUNCTION add_name_parts() RETURNS trigger
    LANGUAGE plpgsql SET search_path = syncengine, pg_temp
AS $$
BEGIN
    WITH RECURSIVE parts AS (
        SELECT c.tenant_id, c.id, substr(c.name_key, strpos(c.name_key, ' ') + 1) AS part, 1 AS i
        FROM made c WHERE strpos(c.name_key, ' ') > 0
        UNION ALL
        SELECT p.tenant_id, p.id, substr(p.part, strpos(p.part, ' ') + 1), p.i + 1
        FROM parts p WHERE strpos(p.part, ' ') > 0 AND p.i < 16
    )
    INSERT INTO contact_name_parts (tenant_id, part, contact_id)
    SELECT p.tenant_id, p.part, p.id FROM parts p WHERE length(p.part) < 64
    UNION ALL
    (SELECT DISTINCT p.tenant_id, left(p.part, 64) AS part, p.id FROM parts p WHERE length(p.part) >= 64)
    ORDER BY part;
    RETURN NULL;
END $$;

-- So are those of the contacts that a statement renames. What stood is found part by part.
CREATE FUNCTION rename_name_parts() RETURNS trigger
    LANGUAGE plpgsql SET search_path = syncengine, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
BEGIN
    WITH RECURSIVE parts AS (
        SELECT r.tenant_id, r.id, substr(r.name_key, strpos(r.name_key, ' ') + 1) AS part, 1 AS i
        FROM (SELECT tenant_id, id, name_key FROM replaced EXCEPT SELECT tenant_id, id, name_key FROM changed) r
        WHERE strpos(r.name_key, ' ') > 0
        UNION ALL
        SELECT p.tenant_id, p.id, substr(p.part, strpos(p.part, ' ') + 1), p.i + 1
        FROM parts p WHERE strpos(p.part, ' ') > 0 AND p.i < 16
    ), stood AS MATERIALIZED ( -- a condition that cuts would not be looked up by index below row-level security
        SELECT p.tenant_id, left(p.part, 64) AS part, p.id FROM parts p
    )
    DELETE FROM contact_name_parts n USING stood s
    WHERE n.tenant_id = s.tenant_id AND n.part = s.part AND n.contact_id = s.id;
    WITH RECURSIVE parts AS (
        SELECT r.tenant_id, r.id, substr(r.name_key, strpos(r.name_key, ' ') + 1) AS part, 1 AS i
        FROM (SELECT tenant_id, id, name_key FROM changed EXCEPT SELECT tenant_id, id, name_key FROM replaced) r
        WHERE strpos(r.name_key, ' ') > 0
        UNION ALL
        SELECT p.tenant_id, p.id, substr(p.part, strpos(p.part, ' ') + 1), p.i + 1
        FROM parts p WHERE strpos(p.part, ' ') > 0 AND p.i < 16
    )
    INSERT INTO contact_name_parts (tenant_id, part, contact_id)
    SELECT DISTINCT p.tenant_id, left(p.part, 64) AS part, p.id FROM parts p
    ORDER BY part;
    RETURN NULL;
END $$;
DROP TRIGGER name_parts_changed ON contacts;
CREATE TRIGGER name_parts_changed AFTER UPDATE ON contacts REFERENCING OLD TABLE AS replaced NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION rename_name_parts();

-- The tenant of a part is its contact's, and that of a report's line its run's: both are checked where
-- they are written, and these tables have a row for each person and word.
ALTER TABLE contact_name_parts DROP CONSTRAINT contact_name_parts_tenant_id_check;
ALTER TABLE entra_run_identities DROP CONSTRAINT entra_run_identities_tenant_id_check;
