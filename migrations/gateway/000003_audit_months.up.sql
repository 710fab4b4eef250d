-- The audit trail by months, so that what is old goes with its partition. Ids are UUIDs of version
-- 7, which begin with their time: partitions by id keep the primary key, and what code that does
-- not know of them says (ON CONFLICT (id)) stays true. The table that there was becomes the
-- partition of everything up to the end of this month; its rows are not copied.
ALTER TABLE audit_events RENAME TO audit_events_before;
ALTER INDEX audit_events_pkey RENAME TO audit_events_before_pkey;
ALTER INDEX audit_events_page RENAME TO audit_events_before_page;
-- A partition is reached through the table alone: nobody but the owner has rights on it.
REVOKE ALL ON audit_events_before FROM entrasync_gateway;
DROP POLICY tenant ON audit_events_before;
DROP POLICY platform ON audit_events_before;
ALTER TABLE audit_events_before NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;

CREATE TABLE audit_events (LIKE audit_events_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (id);
ALTER TABLE audit_events ADD PRIMARY KEY (id);
-- How many calls an event stands for.
ALTER TABLE audit_events_before ADD COLUMN attempts bigint NOT NULL DEFAULT 1;
ALTER TABLE audit_events ADD COLUMN attempts bigint NOT NULL DEFAULT 1;
CREATE INDEX audit_events_page ON audit_events (tenant_id, id DESC);
ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_events
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
CREATE POLICY platform ON audit_events
    USING (tenant_id IS NULL AND (SELECT NULLIF(current_setting('app.tenant', true), '')) IS NULL)
    WITH CHECK (tenant_id IS NULL AND (SELECT NULLIF(current_setting('app.tenant', true), '')) IS NULL);
GRANT SELECT, INSERT ON audit_events TO entrasync_gateway;

-- A call is written when it begins and gets its outcome when it has ended; refused unknown callers
-- are counted in one row a minute. Nothing else of a row ever changes.
CREATE POLICY settled ON audit_events AS RESTRICTIVE FOR UPDATE
    USING (outcome = 'pending' OR (tenant_id IS NULL AND actor_id = 'unknown'))
    WITH CHECK (true);
GRANT UPDATE (outcome, attempts, remote_addr) ON audit_events TO entrasync_gateway;

-- The first id of a month, of which every id of version 7 made in it is the same or greater.
CREATE FUNCTION audit_month_id(month date) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT (lpad(to_hex((extract(epoch FROM month::timestamp) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

-- Makes the partitions of the month of that time and of the two after it, and drops those that are
-- more than so many months older; 0 drops none. Rows for which there was no partition are in
-- audit_events_other until there is one. It tells what it did.
CREATE FUNCTION keep_audit_months_at(at timestamptz, months integer) RETURNS SETOF text
    LANGUAGE plpgsql SET search_path = gateway, pg_temp SET lock_timeout = '3s'
AS $$
DECLARE
    this date := date_trunc('month', at AT TIME ZONE 'UTC')::date;
    month date;
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('entrasync audit months'));
    FOR ahead IN 0..2 LOOP
        month := this + make_interval(months => ahead);
        part := 'audit_events_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass('gateway.' || part) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE audit_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part);
        EXECUTE format('WITH moved AS (DELETE FROM audit_events_other WHERE id >= %L AND id < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
            audit_month_id(month), audit_month_id((month + interval '1 month')::date), part);
        EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            part, audit_month_id(month), audit_month_id((month + interval '1 month')::date));
        RETURN NEXT 'made ' || part;
    END LOOP;
    IF months > 0 THEN
        month := this - make_interval(months => months);
        FOR part IN
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'audit_events'::regclass AND c.relname ~ '^audit_events_\d{4}_\d{2}$'
              AND c.relname < 'audit_events_' || to_char(month, 'YYYY_MM')
            ORDER BY c.relname
        LOOP
            EXECUTE format('DROP TABLE %I', part);
            RETURN NEXT 'dropped ' || part;
        END LOOP;
        DELETE FROM audit_events_other WHERE occurred_at < month;
    END IF;
END $$;

-- What the gateway may do of it: as of now, with the owner's rights.
CREATE FUNCTION keep_audit_months(months integer) RETURNS SETOF text
    LANGUAGE sql SECURITY DEFINER SET search_path = gateway, pg_temp
    AS $$ SELECT keep_audit_months_at(now(), months) $$;
REVOKE ALL ON FUNCTION keep_audit_months_at(timestamptz, integer), keep_audit_months(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_audit_months(integer) TO entrasync_gateway;

DO $$
DECLARE
    this date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    bound uuid := audit_month_id((this + interval '1 month')::date);
    part text := 'audit_events_' || to_char(this, 'YYYY_MM');
BEGIN
    -- What has no time in its id, or a later one, does not belong to the past.
    CREATE TABLE audit_events_other (LIKE audit_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
    WITH moved AS (DELETE FROM audit_events_before WHERE id >= bound RETURNING *) INSERT INTO audit_events_other SELECT * FROM moved;
    EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION audit_events_before FOR VALUES FROM (MINVALUE) TO (%L)', bound);
    ALTER TABLE audit_events ATTACH PARTITION audit_events_other DEFAULT;
    EXECUTE format('ALTER TABLE audit_events_before RENAME TO %I', part);
    EXECUTE format('ALTER INDEX audit_events_before_pkey RENAME TO %I', part || '_pkey');
    EXECUTE format('ALTER INDEX audit_events_before_page RENAME TO %I', part || '_page');
    PERFORM keep_audit_months_at(now(), 0);
END $$;
