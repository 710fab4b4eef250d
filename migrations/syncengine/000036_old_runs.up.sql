-- Runs and their results go after so many days. Until then a run is named by its id in what else tells
-- of it; nothing there refers to it by a key.
CREATE INDEX entra_sync_runs_age ON entra_sync_runs (id);
-- Initial runs that got through.
CREATE INDEX entra_sync_runs_begun ON entra_sync_runs (tenant_id, id)
    WHERE type = 'initial' AND NOT dry_run AND state IN ('completed', 'partial', 'held');
CREATE INDEX held_decisions_started ON held_decisions (tenant_id, started_run_id) WHERE started_run_id IS NOT NULL;
-- The owner, who deletes them, works for all tenants.
CREATE POLICY keeping ON entra_sync_runs TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY keeping ON held_identities TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY keeping ON held_decisions TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY keeping ON directories FOR SELECT TO CURRENT_USER USING (true);

-- Deletes runs that were made more than so many days before that time, the oldest first, until it has
-- deleted so many rows; 0 days delete none. It tells how many runs went. A run stays while something
-- follows from it: while it is open, while it is the last that a directory or the tenant has, or the
-- initial run by which automatic sync was switched on, and while a decision that stays tells that it was
-- started by it.
CREATE FUNCTION drop_runs_at(at timestamptz, days integer, most integer) RETURNS integer
    LANGUAGE plpgsql SET search_path = syncengine, pg_temp SET lock_timeout = '3s'
AS $$
DECLARE
    old record;
    part integer;
    deleted integer := 0;
    runs integer := 0;
BEGIN
    IF days <= 0 OR NOT pg_try_advisory_xact_lock(hashtext('entrasync run days')) THEN
        RETURN 0;
    END IF;
    FOR old IN
        SELECT r.tenant_id, r.id FROM entra_sync_runs r
        WHERE r.id < report_day_id((at AT TIME ZONE 'UTC')::date - days) AND r.state NOT IN ('queued', 'running')
          AND NOT EXISTS (SELECT FROM held_decisions d WHERE d.tenant_id = r.tenant_id AND d.started_run_id = r.id)
          AND NOT EXISTS (SELECT FROM directories d WHERE d.tenant_id = r.tenant_id AND d.last_run_id = r.id)
          AND r.id IS DISTINCT FROM (
              SELECT n.id FROM entra_sync_runs n WHERE n.tenant_id = r.tenant_id AND NOT n.dry_run AND n.type <> 'discovery'
              ORDER BY n.id DESC LIMIT 1)
          AND r.id IS DISTINCT FROM (
              SELECT n.id FROM entra_sync_runs n
              WHERE n.tenant_id = r.tenant_id AND n.type = 'initial' AND NOT n.dry_run AND n.state IN ('completed', 'partial', 'held')
              ORDER BY n.id DESC LIMIT 1)
        ORDER BY r.id LIMIT most
    LOOP
        DELETE FROM held_decisions d WHERE d.tenant_id = old.tenant_id AND d.run_id = old.id;
        GET DIAGNOSTICS part = ROW_COUNT; deleted := deleted + part;
        DELETE FROM held_identities h WHERE h.tenant_id = old.tenant_id AND h.run_id = old.id;
        GET DIAGNOSTICS part = ROW_COUNT; deleted := deleted + part;
        DELETE FROM entra_sync_run_tenants t WHERE t.tenant_id = old.tenant_id AND t.run_id = old.id;
        GET DIAGNOSTICS part = ROW_COUNT; deleted := deleted + part;
        DELETE FROM entra_sync_runs r WHERE r.tenant_id = old.tenant_id AND r.id = old.id;
        deleted := deleted + 1;
        runs := runs + 1;
        EXIT WHEN deleted >= most;
    END LOOP;
    RETURN runs;
END $$;

-- What the service may do of it: as of now, with the owner's rights.
CREATE FUNCTION drop_runs(days integer, most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = syncengine, pg_temp
    AS $$ SELECT drop_runs_at(now(), days, most) $$;
REVOKE ALL ON FUNCTION drop_runs_at(timestamptz, integer, integer), drop_runs(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_runs(integer, integer) TO entrasync_syncengine;
