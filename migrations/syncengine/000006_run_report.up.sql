-- What a run did, or would do, with each identity. Run ids are UUIDs of version 7, which begin with
-- their time: the report is kept by days of the run, and what is old goes with its partition.
CREATE TABLE entra_run_identities (
    tenant_id           text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    run_id              uuid NOT NULL,
    managed_tenant_id   text COLLATE "C" NOT NULL,
    -- Empty for a record without one; n then tells such records apart, and is 0 for all others.
    entra_object_id     text COLLATE "C" NOT NULL,
    n                   integer NOT NULL DEFAULT 0,
    outcome             text NOT NULL CHECK (outcome IN ('failed', 'inactivated', 'reactivated', 'filtered', 'ambiguous', 'created',
                            'linked', 'updated', 'unchanged', 'held')),
    reason              text,
    -- Under which pattern a filtered identity falls.
    pattern             text,
    contact_id          uuid,
    display_name        text NOT NULL,
    user_principal_name text NOT NULL,
    -- The contact's fields that change, each with its value before and after.
    fields              text[] NOT NULL DEFAULT '{}',
    before              text[] NOT NULL DEFAULT '{}',
    after               text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, run_id, managed_tenant_id, entra_object_id, n),
    CHECK (cardinality(fields) = cardinality(before) AND cardinality(fields) = cardinality(after))
) PARTITION BY RANGE (run_id);

ALTER TABLE entra_run_identities ENABLE ROW LEVEL SECURITY;
ALTER TABLE entra_run_identities FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON entra_run_identities
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
-- A round that is tried again writes what it found before anew.
GRANT SELECT, INSERT, DELETE ON entra_run_identities TO entrasync_syncengine;

-- Rows of days for which there is no partition yet, and of ids without a time.
CREATE TABLE entra_run_identities_other (LIKE entra_run_identities INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
ALTER TABLE entra_run_identities ATTACH PARTITION entra_run_identities_other DEFAULT;

-- The first id of a day, of which every id of version 7 made in it is the same or greater.
CREATE FUNCTION report_day_id(day date) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT (lpad(to_hex((extract(epoch FROM day::timestamp) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

-- Makes the partitions of the day of that time and of the week after it, and drops those that are more
-- than so many days older; 0 drops none. It tells what it did.
CREATE FUNCTION keep_report_days_at(at timestamptz, days integer) RETURNS SETOF text
    LANGUAGE plpgsql SET search_path = syncengine, pg_temp SET lock_timeout = '3s'
AS $$
DECLARE
    this date := (at AT TIME ZONE 'UTC')::date;
    day date;
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('entrasync report days'));
    FOR ahead IN 0..7 LOOP
        day := this + ahead;
        part := 'entra_run_identities_' || to_char(day, 'YYYY_MM_DD');
        CONTINUE WHEN to_regclass('syncengine.' || part) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE entra_run_identities INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part);
        EXECUTE format('WITH moved AS (DELETE FROM entra_run_identities_other WHERE run_id >= %L AND run_id < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
            report_day_id(day), report_day_id(day + 1), part);
        EXECUTE format('ALTER TABLE entra_run_identities ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            part, report_day_id(day), report_day_id(day + 1));
        RETURN NEXT 'made ' || part;
    END LOOP;
    IF days > 0 THEN
        FOR part IN
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'entra_run_identities'::regclass AND c.relname ~ '^entra_run_identities_\d{4}_\d{2}_\d{2}$'
              AND c.relname < 'entra_run_identities_' || to_char(this - days, 'YYYY_MM_DD')
            ORDER BY c.relname
        LOOP
            EXECUTE format('DROP TABLE %I', part);
            RETURN NEXT 'dropped ' || part;
        END LOOP;
        DELETE FROM entra_run_identities_other WHERE run_id < report_day_id(this - days);
    END IF;
END $$;

-- What the service may do of it: as of now, with the owner's rights.
CREATE FUNCTION keep_report_days(days integer) RETURNS SETOF text
    LANGUAGE sql SECURITY DEFINER SET search_path = syncengine, pg_temp
    AS $$ SELECT keep_report_days_at(now(), days) $$;
REVOKE ALL ON FUNCTION keep_report_days_at(timestamptz, integer), keep_report_days(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_report_days(integer) TO entrasync_syncengine;
SELECT keep_report_days_at(now(), 0);
