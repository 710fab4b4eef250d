-- Managed tenants whose last rounds have failed, while those of others got through.
CREATE TABLE failing_tenants (
    tenant_id         text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    managed_tenant_id text COLLATE "C" NOT NULL,
    -- In a row, and since when they are so many that it is tried once a day.
    failed_runs       integer NOT NULL CHECK (failed_runs > 0),
    quarantined_at    timestamptz,
    tried_at          timestamptz NOT NULL,
    code              text NOT NULL,
    PRIMARY KEY (tenant_id, managed_tenant_id)
);
ALTER TABLE failing_tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE failing_tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON failing_tenants USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
GRANT SELECT, INSERT, UPDATE, DELETE ON failing_tenants TO entrasync_syncengine;
