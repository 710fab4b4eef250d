-- The connection to the partner's directory: its state, the secrets behind it,
-- and what a change of it must cause elsewhere.

-- One row per time that a partner was connected. The newest tells the status;
-- the others are history. At most one is active (F013, F014).
CREATE TABLE entra_partner_connections (
    tenant_id         text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id                uuid NOT NULL,
    connection_type   text NOT NULL CHECK (connection_type IN ('direct', 'cipp')),
    status            text NOT NULL CHECK (status IN ('connected', 'validation_failed', 'disconnected', 'replaced')),
    partner_tenant_id text NOT NULL CHECK (char_length(partner_tenant_id) BETWEEN 1 AND 64),
    scope             text NOT NULL,
    -- The version of the secret that holds the token set in use. Setting it is
    -- the commit of a new token set; it is not a foreign key, because versions
    -- may live in another store.
    secret_version    text,
    token_expires_at  timestamptz,
    connected_by      text NOT NULL,
    connected_at      timestamptz NOT NULL,
    last_validated_at timestamptz,
    error_code        text CHECK (char_length(error_code) BETWEEN 1 AND 64),
    error_message     text CHECK (char_length(error_message) <= 2000),
    error_checked_at  timestamptz,
    ended_by          text,
    ended_at          timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT active_has_secret CHECK ((status IN ('connected', 'validation_failed')) = (secret_version IS NOT NULL)),
    CONSTRAINT active_has_expiry CHECK ((secret_version IS NULL) = (token_expires_at IS NULL)),
    CONSTRAINT ended_has_time CHECK ((status IN ('disconnected', 'replaced')) = (ended_at IS NOT NULL)),
    CONSTRAINT error_is_whole CHECK ((error_code IS NULL) = (error_message IS NULL) AND (error_code IS NULL) = (error_checked_at IS NULL)),
    CONSTRAINT failed_has_error CHECK (status <> 'validation_failed' OR error_code IS NOT NULL)
);
CREATE UNIQUE INDEX entra_partner_connections_active ON entra_partner_connections (tenant_id)
    WHERE status IN ('connected', 'validation_failed');
CREATE INDEX entra_partner_connections_newest ON entra_partner_connections (tenant_id, connected_at DESC, id DESC);

-- Started OAuth flows. The state itself is never stored, only its SHA-256. The
-- sealed verifier goes when the state is consumed or swept; the row stays a
-- while, so that a late browser hears "expired" and not "forged".
CREATE TABLE oauth_states (
    tenant_id       text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id              uuid NOT NULL,
    state_hash      bytea NOT NULL CHECK (octet_length(state_hash) = 32),
    user_id         text NOT NULL CHECK (user_id <> ''),
    session_hash    text NOT NULL, -- empty: a bearer caller started it
    sealed_verifier bytea,
    return_to       text NOT NULL CHECK (return_to <> ''),
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    consumed_at     timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK (expires_at > created_at)
);
-- The callback knows nothing but the state, so this key begins with its hash.
CREATE UNIQUE INDEX oauth_states_hash ON oauth_states (state_hash);
CREATE INDEX oauth_states_expiry ON oauth_states (expires_at);

-- Grants that wait for the person who started the flow with a bearer token.
CREATE TABLE pending_grants (
    tenant_id    text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id           uuid NOT NULL,
    code_hash    bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    user_id      text NOT NULL CHECK (user_id <> ''),
    sealed_grant bytea, -- goes when it is taken or swept
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    taken_at     timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK (expires_at > created_at)
);
CREATE UNIQUE INDEX pending_grants_code ON pending_grants (tenant_id, code_hash);
CREATE INDEX pending_grants_expiry ON pending_grants (expires_at);

-- Sealed values, never changed: a new value is a new version. What no row
-- points to is swept.
CREATE TABLE secrets (
    tenant_id  text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    key        text COLLATE "C" NOT NULL CHECK (key ~ '^[a-z_]{1,64}$'),
    version    text COLLATE "C" NOT NULL,
    sealed     bytea NOT NULL,
    key_id     bigint NOT NULL, -- the key that sealed it, for rotation
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key, version)
);

-- The tenant's own app registration: a pointer to the version in use.
CREATE TABLE app_credentials (
    tenant_id      text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    secret_version text NOT NULL,
    updated_by     text NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id)
);

-- What a committed change must cause elsewhere; written in its transaction.
CREATE TABLE outbox (
    tenant_id    text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id           uuid NOT NULL,
    actor_id     text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('connection_connected', 'connection_disconnected')),
    arguments    jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL,
    attempt      integer NOT NULL DEFAULT 0,
    leased_until timestamptz,
    done_at      timestamptz,
    outcome      text CHECK (outcome IN ('done', 'failed')),
    result       jsonb,
    PRIMARY KEY (tenant_id, id),
    CHECK ((done_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX outbox_open_order ON outbox (created_at, id) WHERE done_at IS NULL;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['entra_partner_connections', 'oauth_states', 'pending_grants', 'secrets', 'app_credentials', 'outbox'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I
            USING (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))
            WITH CHECK (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))', t);
        EXECUTE format('CREATE POLICY views ON %I FOR SELECT TO entrasync_connection_views USING (true)', t);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON entra_partner_connections TO entrasync_connection;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth_states, pending_grants TO entrasync_connection;
GRANT SELECT, INSERT, DELETE ON secrets TO entrasync_connection;
GRANT SELECT, INSERT, UPDATE, DELETE ON app_credentials TO entrasync_connection;
GRANT SELECT, INSERT, UPDATE ON outbox TO entrasync_connection;

-- What work without a tenant may see: ids and times.
GRANT SELECT (tenant_id, secret_version) ON entra_partner_connections, app_credentials TO entrasync_connection_views;
GRANT SELECT (tenant_id, state_hash, expires_at) ON oauth_states TO entrasync_connection_views;
GRANT SELECT (tenant_id, expires_at) ON pending_grants TO entrasync_connection_views;
GRANT SELECT (tenant_id, version, created_at) ON secrets TO entrasync_connection_views;
GRANT SELECT (tenant_id, id, created_at, leased_until, done_at) ON outbox TO entrasync_connection_views;

CREATE VIEW oauth_state_tenants AS
    SELECT state_hash, tenant_id FROM oauth_states;

-- Tenants with something that a sweeper may have to remove, and since when.
CREATE VIEW sweepable AS
    SELECT tenant_id, expires_at AS since FROM oauth_states
    UNION ALL
    SELECT tenant_id, expires_at FROM pending_grants
    UNION ALL
    SELECT s.tenant_id, s.created_at FROM secrets s
    WHERE NOT EXISTS (SELECT FROM entra_partner_connections c WHERE c.tenant_id = s.tenant_id AND c.secret_version = s.version)
      AND NOT EXISTS (SELECT FROM app_credentials a WHERE a.tenant_id = s.tenant_id AND a.secret_version = s.version);

CREATE VIEW outbox_open AS
    SELECT tenant_id, id, created_at, leased_until FROM outbox WHERE done_at IS NULL;

GRANT SELECT ON oauth_state_tenants, sweepable, outbox_open TO entrasync_connection_across;
ALTER VIEW oauth_state_tenants OWNER TO entrasync_connection_views;
ALTER VIEW sweepable OWNER TO entrasync_connection_views;
ALTER VIEW outbox_open OWNER TO entrasync_connection_views;
