-- The edge: feature flags, audit, stored answers of repeated requests, browser sessions.

-- Flags belong to the platform, not to a tenant.
CREATE TABLE feature_flags (
    id          uuid PRIMARY KEY,
    key         text COLLATE "C" NOT NULL UNIQUE CHECK (key ~ '^[a-z0-9][a-z0-9-]{0,99}$'),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 500),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON feature_flags TO entrasync_gateway;

-- A row turns the flag on for the tenant.
CREATE TABLE feature_flag_tenants (
    tenant_id  text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    flag_id    uuid NOT NULL REFERENCES feature_flags (id),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, flag_id)
);
CREATE INDEX feature_flag_tenants_flag ON feature_flag_tenants (flag_id, tenant_id);
ALTER TABLE feature_flag_tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE feature_flag_tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON feature_flag_tenants
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
GRANT SELECT, INSERT, DELETE ON feature_flag_tenants TO entrasync_gateway;

-- Which tenants a flag is on for: the platform's own list, over all tenants.
CREATE POLICY views ON feature_flag_tenants FOR SELECT TO entrasync_gateway_views USING (true);
GRANT SELECT (tenant_id, flag_id) ON feature_flag_tenants TO entrasync_gateway_views;
CREATE VIEW flag_targets AS SELECT flag_id, tenant_id FROM feature_flag_tenants;
ALTER VIEW flag_targets OWNER TO entrasync_gateway_views;
GRANT SELECT ON flag_targets TO entrasync_gateway_across;

-- Who did what, when and from where. Rows are never changed. Calls of the platform itself
-- belong to no tenant and are seen only where no tenant is set.
CREATE TABLE audit_events (
    id          uuid PRIMARY KEY,
    tenant_id   text COLLATE "C" CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    occurred_at timestamptz NOT NULL,
    actor_id    text NOT NULL,
    actor_type  text NOT NULL CHECK (actor_type IN ('user', 'platform')),
    action      text NOT NULL,
    outcome     text NOT NULL,
    request_id  text NOT NULL,
    remote_addr text NOT NULL,
    CHECK (tenant_id IS NOT NULL OR actor_type = 'platform')
);
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

-- The answer to a POST with an Idempotency-Key. scope is a hash of tenant, user, route and key;
-- answer is sealed. A row without an answer is a request that still runs, until leased_until.
CREATE TABLE idempotency_keys (
    scope        bytea PRIMARY KEY CHECK (length(scope) = 32),
    tenant_id    text COLLATE "C" CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    owner        uuid NOT NULL,
    body_hash    bytea NOT NULL CHECK (length(body_hash) = 32),
    answer       bytea,
    leased_until timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (tenant_id, expires_at);
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON idempotency_keys
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
CREATE POLICY platform ON idempotency_keys
    USING (tenant_id IS NULL AND (SELECT NULLIF(current_setting('app.tenant', true), '')) IS NULL)
    WITH CHECK (tenant_id IS NULL AND (SELECT NULLIF(current_setting('app.tenant', true), '')) IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO entrasync_gateway;

-- Browser sessions. The cookie's value is stored as a hash alone; what the identity provider
-- gave is sealed.
CREATE TABLE sessions (
    tenant_id    text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    token_hash   bytea NOT NULL CHECK (length(token_hash) = 32),
    actor_id     text NOT NULL,
    sealed       bytea NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, token_hash)
);
CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sessions
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO entrasync_gateway;

-- Finds the tenant of a cookie, before the tenant is known.
CREATE POLICY views ON sessions FOR SELECT TO entrasync_gateway_views USING (true);
GRANT SELECT (tenant_id, token_hash) ON sessions TO entrasync_gateway_views;
CREATE VIEW session_tenants AS SELECT token_hash, tenant_id FROM sessions;
ALTER VIEW session_tenants OWNER TO entrasync_gateway_views;
GRANT SELECT ON session_tenants TO entrasync_gateway_across;
