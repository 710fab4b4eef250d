CREATE OR REPLACE FUNCTION keep_report_days_at(at timestamptz, days integer) RETURNS SETOF text
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
DROP FUNCTION carry_reports(uuid, uuid, uuid);
DROP POLICY keeping ON entra_run_identities;
DROP POLICY keeping ON entra_sync_run_tenants;
DROP INDEX entra_sync_run_tenants_report;
