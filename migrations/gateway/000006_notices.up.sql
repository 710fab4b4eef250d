-- What hosts are told by webhooks that neither the change feed nor the list of runs has: a connection
-- that breaks, access that ends, an endpoint that was disabled. A notice is written once, by its id.
CREATE TABLE webhook_notices (
    tenant_id text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id        text COLLATE "C" NOT NULL CHECK (length(id) BETWEEN 1 AND 256),
    type      text NOT NULL CHECK (type <> ''),
    data      jsonb NOT NULL CHECK (jsonb_typeof(data) = 'object'),
    at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX webhook_notices_at ON webhook_notices (tenant_id, at);
ALTER TABLE webhook_notices ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_notices FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON webhook_notices USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
GRANT SELECT, INSERT, DELETE ON webhook_notices TO entrasync_gateway;

-- What work without a tenant may see beside which endpoints are due: which tenants want to hear of access that ends.
GRANT SELECT (events) ON webhooks TO entrasync_gateway_views;
CREATE VIEW access_watchers AS
SELECT DISTINCT tenant_id FROM webhooks WHERE state = 'enabled' AND events && ARRAY['access.ending', 'access.ended'];
ALTER VIEW access_watchers OWNER TO entrasync_gateway_views;
GRANT SELECT ON access_watchers TO entrasync_gateway_across;
