-- The change feed by months, so that what is old goes with its partition, and the versions of
-- contacts that its entries were told with. The table that there was becomes the partition of
-- everything up to the end of this month; its rows are not copied.
ALTER TABLE contact_changes VALIDATE CONSTRAINT contact_changes_types;
ALTER TABLE contact_changes VALIDATE CONSTRAINT contact_changes_link_status;
ALTER TABLE contact_changes VALIDATE CONSTRAINT contact_changes_of;
ALTER TABLE contact_changes RENAME TO contact_changes_before;
-- A number is given once, by the head of the feed; the time is in the key because it is what
-- partitions go by.
ALTER TABLE contact_changes_before DROP CONSTRAINT contact_changes_pkey;
-- A partition is reached through the table alone: nobody but the owner has rights on it.
REVOKE ALL ON contact_changes_before FROM entrasync_syncengine;
DROP POLICY tenant ON contact_changes_before;
ALTER TABLE contact_changes_before NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
CREATE TABLE contact_changes (LIKE contact_changes_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (at);
ALTER TABLE contact_changes ADD PRIMARY KEY (tenant_id, seq, at);

-- What a contact was before it was written again, as far as the feed shows it. The present version
-- stands in contacts alone, so that a contact that is written once costs nothing here.
CREATE TABLE contact_versions (
    tenant_id                 text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    contact_id                uuid NOT NULL,
    version                   bigint NOT NULL,
    -- When it was written again.
    at                        timestamptz NOT NULL DEFAULT now(),
    client_id                 uuid NOT NULL,
    external_id               text COLLATE "C",
    full_name                 text NOT NULL,
    email                     text NOT NULL,
    phone                     text NOT NULL,
    role                      text NOT NULL,
    inactive                  boolean NOT NULL,
    deleted                   boolean NOT NULL,
    entra_tenant_id           text COLLATE "C",
    entra_object_id           text COLLATE "C",
    last_entra_sync_at        timestamptz,
    entra_user_principal_name text,
    entra_account_enabled     boolean,
    entra_sync_status         text,
    entra_sync_status_reason  text,
    PRIMARY KEY (tenant_id, contact_id, version, at)
) PARTITION BY RANGE (at);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['contact_changes', 'contact_versions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))'
            || ' WITH CHECK (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))', name);
    END LOOP;
END $$;
GRANT SELECT, INSERT ON contact_changes, contact_versions TO entrasync_syncengine;

-- Whatever statement writes a contact again keeps what it was, in the same transaction.
CREATE FUNCTION keep_contact_versions() RETURNS trigger
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
CREATE TRIGGER contact_versions AFTER UPDATE ON contacts REFERENCING OLD TABLE AS replaced
    FOR EACH STATEMENT EXECUTE FUNCTION keep_contact_versions();

-- Makes the partitions of the month of that time and of the two after it, and drops those that are
-- more than so many months older; 0 drops none. Rows for which there was no partition are in the one
-- called other until there is one. It tells what it did.
CREATE FUNCTION keep_feed_months_at(at timestamptz, months integer) RETURNS SETOF text
    LANGUAGE plpgsql SET search_path = syncengine, pg_temp SET lock_timeout = '3s'
AS $$
DECLARE
    this date := date_trunc('month', at AT TIME ZONE 'UTC')::date;
    month date;
    base text;
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('entrasync feed months'));
    FOREACH base IN ARRAY ARRAY['contact_changes', 'contact_versions'] LOOP
        FOR ahead IN 0..2 LOOP
            month := this + make_interval(months => ahead);
            part := base || to_char(month, '_YYYY_MM');
            CONTINUE WHEN to_regclass('syncengine.' || part) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, base);
            EXECUTE format('WITH moved AS (DELETE FROM %I WHERE at >= %L AND at < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
                base || '_other', month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC', part);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                base, part, month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
            RETURN NEXT 'made ' || part;
        END LOOP;
        CONTINUE WHEN months = 0;
        month := this - make_interval(months => months);
        FOR part IN
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = base::regclass AND c.relname ~ ('^' || base || '_\d{4}_\d{2}$') AND c.relname < base || to_char(month, '_YYYY_MM')
            ORDER BY c.relname
        LOOP
            EXECUTE format('DROP TABLE %I', part);
            RETURN NEXT 'dropped ' || part;
        END LOOP;
    END LOOP;
END $$;

-- What the engine may do of it: as of now, with the owner's rights.
CREATE FUNCTION keep_feed_months(months integer) RETURNS SETOF text
    LANGUAGE sql SECURITY DEFINER SET search_path = syncengine, pg_temp
    AS $$ SELECT keep_feed_months_at(now(), months) $$;
REVOKE ALL ON FUNCTION keep_feed_months_at(timestamptz, integer), keep_feed_months(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_feed_months(integer) TO entrasync_syncengine;

DO $$
DECLARE
    this date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    bound timestamptz := (this + interval '1 month') AT TIME ZONE 'UTC';
    part text := 'contact_changes' || to_char(this, '_YYYY_MM');
BEGIN
    CREATE TABLE contact_changes_other (LIKE contact_changes INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
    CREATE TABLE contact_versions_other (LIKE contact_versions INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
    WITH moved AS (DELETE FROM contact_changes_before WHERE at >= bound RETURNING *) INSERT INTO contact_changes_other SELECT * FROM moved;
    EXECUTE format('ALTER TABLE contact_changes ATTACH PARTITION contact_changes_before FOR VALUES FROM (MINVALUE) TO (%L)', bound);
    ALTER TABLE contact_changes ATTACH PARTITION contact_changes_other DEFAULT;
    ALTER TABLE contact_versions ATTACH PARTITION contact_versions_other DEFAULT;
    EXECUTE format('ALTER TABLE contact_changes_before RENAME TO %I', part);
    PERFORM keep_feed_months_at(now(), 0);
END $$;
