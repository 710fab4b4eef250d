-- The key by which the engine signs the tickets of a tenant's runs; made at the first one.
CREATE TABLE run_ticket_keys (
    tenant_id  text COLLATE "C" NOT NULL PRIMARY KEY CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    key        bytea NOT NULL CHECK (length(key) = 32),
    created_at timestamptz NOT NULL
);
ALTER TABLE run_ticket_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE run_ticket_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON run_ticket_keys USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
GRANT SELECT, INSERT ON run_ticket_keys TO entrasync_syncengine;
