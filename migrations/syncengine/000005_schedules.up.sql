-- What the schedule of a tenant follows from beside its settings. The row is made by the end of the
-- first run over all tenants.
CREATE TABLE sync_schedules (
    tenant_id       text COLLATE "C" NOT NULL PRIMARY KEY CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    -- When the first initial sync got through; there is no schedule before.
    first_synced_at timestamptz,
    -- Runs that failed in a row, and since when they are so many that the tenant is tried once a day.
    failed_runs     integer NOT NULL DEFAULT 0 CHECK (failed_runs >= 0),
    quarantined_at  timestamptz,
    CHECK (quarantined_at IS NULL OR failed_runs > 0)
) WITH (fillfactor = 90);

ALTER TABLE entra_sync_runs NO FORCE ROW LEVEL SECURITY;
INSERT INTO sync_schedules (tenant_id, first_synced_at)
SELECT tenant_id, min(completed_at) FROM entra_sync_runs
WHERE type = 'initial' AND NOT dry_run AND state IN ('completed', 'partial', 'held')
GROUP BY tenant_id;
ALTER TABLE entra_sync_runs FORCE ROW LEVEL SECURITY;

ALTER TABLE sync_schedules ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_schedules FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sync_schedules USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
GRANT SELECT, INSERT, UPDATE ON sync_schedules TO entrasync_syncengine;

-- Over all tenants: ids alone.
GRANT SELECT (tenant_id, first_synced_at) ON sync_schedules TO entrasync_syncengine_views;
CREATE POLICY views ON sync_schedules FOR SELECT TO entrasync_syncengine_views USING (true);
CREATE VIEW scheduled_tenants AS
SELECT tenant_id FROM sync_schedules WHERE first_synced_at IS NOT NULL;
ALTER VIEW scheduled_tenants OWNER TO entrasync_syncengine_views;
GRANT SELECT ON scheduled_tenants TO entrasync_syncengine_across;
