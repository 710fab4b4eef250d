-- A round in which nothing changed refers to the report of an earlier run. Before that goes with its day,
-- those who failed or are kept out are carried over to the first run that refers to it and is kept.
CREATE INDEX entra_sync_run_tenants_report ON entra_sync_run_tenants (report_run_id) WHERE report_run_id IS NOT NULL;
-- The owner, who drops the days, works for all tenants.
CREATE POLICY keeping ON entra_sync_run_tenants TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY keeping ON entra_run_identities TO CURRENT_USER USING (true) WITH CHECK (true);

-- Carries over what runs from that one on refer to in reports of the runs between two ids.
CREATE FUNCTION carry_reports(first uuid, beyond uuid, kept uuid) RETURNS void
    LANGUAGE sql SET search_path = syncengine, pg_temp
AS $$
    WITH heirs AS (
        SELECT DISTINCT ON (t.tenant_id, t.report_run_id, t.managed_tenant_id) t.tenant_id, t.report_run_id, t.managed_tenant_id, t.run_id
        FROM entra_sync_run_tenants t
        WHERE t.report_run_id >= first AND t.report_run_id < beyond AND t.run_id >= kept
        ORDER BY t.tenant_id, t.report_run_id, t.managed_tenant_id, t.run_id
    ), carried AS (
        INSERT INTO entra_run_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, n, outcome, reason, pattern, contact_id,
            display_name, user_principal_name, fields, before, after)
        SELECT h.tenant_id, h.run_id, h.managed_tenant_id, i.entra_object_id, i.n, i.outcome, i.reason, i.pattern, i.contact_id,
               i.display_name, i.user_principal_name, i.fields, i.before, i.after
        FROM heirs h
        JOIN entra_run_identities i ON i.tenant_id = h.tenant_id AND i.run_id = h.report_run_id AND i.managed_tenant_id = h.managed_tenant_id
        WHERE i.outcome IN ('failed', 'filtered')
        ON CONFLICT DO NOTHING
    )
    UPDATE entra_sync_run_tenants t SET report_run_id = NULLIF(h.run_id, t.run_id)
    FROM heirs h
    WHERE t.tenant_id = h.tenant_id AND t.report_run_id = h.report_run_id AND t.managed_tenant_id = h.managed_tenant_id AND t.run_id >= kept
$$;
REVOKE ALL ON FUNCTION carry_reports(uuid, uuid, uuid) FROM PUBLIC;

-- As before; what is referred to is carried over first, and once more when nobody can refer to it any
-- longer: a round looks, in the transaction that refers to a report, whether it is there.
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
            day := to_date(right(part, 10), 'YYYY_MM_DD');
            PERFORM carry_reports(report_day_id(day), report_day_id(day + 1), report_day_id(this - days));
            LOCK TABLE entra_run_identities IN ACCESS EXCLUSIVE MODE;
            PERFORM carry_reports(report_day_id(day), report_day_id(day + 1), report_day_id(this - days));
            EXECUTE format('DROP TABLE %I', part);
            RETURN NEXT 'dropped ' || part;
        END LOOP;
        DELETE FROM entra_run_identities_other WHERE run_id < report_day_id(this - days);
    END IF;
END $$;
