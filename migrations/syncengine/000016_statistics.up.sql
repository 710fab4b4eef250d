-- What syncs came to, day by day (UTC), added up as runs end. Dry runs and discoveries are not in it.
CREATE TABLE sync_statistics (
    tenant_id       text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    day             date NOT NULL,
    completed       bigint NOT NULL DEFAULT 0,
    partial         bigint NOT NULL DEFAULT 0,
    failed          bigint NOT NULL DEFAULT 0,
    cancelled       bigint NOT NULL DEFAULT 0,
    held            bigint NOT NULL DEFAULT 0,
    -- Of all runs of the day, from their beginning to their end.
    seconds         bigint NOT NULL DEFAULT 0,
    longest_seconds bigint NOT NULL DEFAULT 0,
    tenants         bigint NOT NULL DEFAULT 0,
    failed_tenants  bigint NOT NULL DEFAULT 0,
    held_tenants    bigint NOT NULL DEFAULT 0,
    created         bigint NOT NULL DEFAULT 0,
    linked          bigint NOT NULL DEFAULT 0,
    updated         bigint NOT NULL DEFAULT 0,
    unchanged       bigint NOT NULL DEFAULT 0,
    ambiguous       bigint NOT NULL DEFAULT 0,
    inactivated     bigint NOT NULL DEFAULT 0,
    reactivated     bigint NOT NULL DEFAULT 0,
    filtered        bigint NOT NULL DEFAULT 0,
    failures        bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, day)
) WITH (fillfactor = 50);

-- Why managed tenants failed, by day and code.
CREATE TABLE sync_failures (
    tenant_id text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    day       date NOT NULL,
    code      text COLLATE "C" NOT NULL,
    tenants   bigint NOT NULL,
    PRIMARY KEY (tenant_id, day, code)
) WITH (fillfactor = 50);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['sync_statistics', 'sync_failures'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))'
            || ' WITH CHECK (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))', name);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON sync_statistics, sync_failures TO entrasync_syncengine;
