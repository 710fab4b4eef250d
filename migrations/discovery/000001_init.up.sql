-- Discovery owns what is known of the managed tenants of an MSP.
--
-- tenant_id is filled by its default from the tenant that the transaction works
-- for, and row-level security refuses every other value.

-- One row per tenant. Its lock orders discoveries, and its time stands for the
-- last_seen_at of every managed tenant that did not change, so that a discovery
-- that changes nothing writes two rows however large the MSP is.
CREATE TABLE entra_discovery_heads (
    tenant_id           text COLLATE "C" NOT NULL DEFAULT NULLIF(current_setting('app.tenant', true), '')
                        CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    last_discovery_id   uuid,
    last_completed_at   timestamptz,
    PRIMARY KEY (tenant_id),
    CHECK ((last_discovery_id IS NULL) = (last_completed_at IS NULL))
) WITH (fillfactor = 10);

-- Every discovery that was asked for; the id is that of its run.
CREATE TABLE entra_discoveries (
    tenant_id               text COLLATE "C" NOT NULL DEFAULT NULLIF(current_setting('app.tenant', true), '')
                            CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id                      uuid NOT NULL,
    state                   text NOT NULL CHECK (state IN ('running', 'completed', 'failed')),
    started_at              timestamptz NOT NULL,
    completed_at            timestamptz,
    discovered_tenant_count integer CHECK (discovered_tenant_count >= 0),
    unreadable_count        integer CHECK (unreadable_count >= 0),
    gone_count              integer CHECK (gone_count >= 0),
    error_code              text,
    error_message           text,
    error_remedy            text,
    PRIMARY KEY (tenant_id, id),
    CHECK ((state = 'running') = (completed_at IS NULL)),
    CHECK ((state = 'completed') = (discovered_tenant_count IS NOT NULL)),
    CHECK ((state = 'completed') = (unreadable_count IS NOT NULL)),
    CHECK ((state = 'completed') = (gone_count IS NOT NULL)),
    CHECK ((state = 'failed') = (error_code IS NOT NULL))
) WITH (fillfactor = 90);

CREATE INDEX entra_discoveries_latest ON entra_discoveries (tenant_id, started_at DESC, id DESC);

-- A customer's directory that the MSP manages or managed. Never deleted.
CREATE TABLE entra_managed_tenants (
    tenant_id         text COLLATE "C" NOT NULL DEFAULT NULLIF(current_setting('app.tenant', true), '')
                      CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id                uuid NOT NULL,
    entra_tenant_id   text COLLATE "C" NOT NULL CHECK (length(entra_tenant_id) BETWEEN 1 AND 64),
    display_name      text NOT NULL,
    -- The name as it is searched and sorted: folded case, no accents.
    name_key          text COLLATE "C" NOT NULL,
    primary_domain    text COLLATE "C" NOT NULL,
    domains           text[] NOT NULL,
    source_user_count integer NOT NULL CHECK (source_user_count >= 0),
    state             text NOT NULL CHECK (state IN ('active', 'gone', 'unreadable')),
    problem_code      text,
    problem_message   text,
    problem_remedy    text,
    access_ends_at    timestamptz,
    discovered_at     timestamptz NOT NULL,
    -- When a discovery last wrote this row; what people see is the later of it
    -- and the last completed discovery, see entra_managed_tenants_seen.
    last_seen_at      timestamptz NOT NULL,
    gone_at           timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT entra_managed_tenants_entra_tenant_id_key UNIQUE (tenant_id, entra_tenant_id),
    CHECK ((state = 'gone') = (gone_at IS NOT NULL)),
    CHECK (state <> 'unreadable' OR problem_code IS NOT NULL),
    CHECK (state <> 'active' OR problem_code IS NULL)
) WITH (fillfactor = 90);

CREATE INDEX entra_managed_tenants_by_name ON entra_managed_tenants (tenant_id, name_key, id);
CREATE INDEX entra_managed_tenants_by_state ON entra_managed_tenants (tenant_id, state, name_key, id);
CREATE INDEX entra_managed_tenants_access_ending ON entra_managed_tenants (tenant_id, access_ends_at)
    WHERE access_ends_at IS NOT NULL AND state <> 'gone';

-- One row per verified domain, for look-ups by equality: the containment
-- operator of arrays is not leakproof, so row-level security would keep an
-- index on the array itself from being used.
CREATE TABLE entra_managed_tenant_domains (
    tenant_id         text COLLATE "C" NOT NULL DEFAULT NULLIF(current_setting('app.tenant', true), '')
                      CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    domain            text COLLATE "C" NOT NULL,
    managed_tenant_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, domain, managed_tenant_id),
    FOREIGN KEY (tenant_id, managed_tenant_id) REFERENCES entra_managed_tenants (tenant_id, id)
);

CREATE INDEX entra_managed_tenant_domains_of ON entra_managed_tenant_domains (tenant_id, managed_tenant_id);

ALTER TABLE entra_discovery_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE entra_discovery_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON entra_discovery_heads
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));

ALTER TABLE entra_discoveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE entra_discoveries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON entra_discoveries
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));

ALTER TABLE entra_managed_tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE entra_managed_tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON entra_managed_tenants
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));

ALTER TABLE entra_managed_tenant_domains ENABLE ROW LEVEL SECURITY;
ALTER TABLE entra_managed_tenant_domains FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON entra_managed_tenant_domains
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));

-- Managed tenants with the time they were last seen: every one that is not gone
-- was in the last complete listing. The view works with the rights, and under
-- the row-level security, of whoever reads it.
CREATE VIEW entra_managed_tenants_seen WITH (security_invoker = true) AS
SELECT m.tenant_id, m.id, m.entra_tenant_id, m.display_name, m.name_key, m.primary_domain, m.domains,
       m.source_user_count, m.state, m.problem_code, m.problem_message, m.problem_remedy, m.access_ends_at,
       m.discovered_at, m.gone_at,
       (CASE WHEN m.state = 'gone' THEN m.last_seen_at
             ELSE GREATEST(m.last_seen_at, h.last_completed_at) END)::timestamptz AS last_seen_at
FROM entra_managed_tenants m
LEFT JOIN entra_discovery_heads h ON h.tenant_id = m.tenant_id;

GRANT SELECT, INSERT, UPDATE ON entra_discovery_heads, entra_discoveries, entra_managed_tenants TO entrasync_discovery;
-- Domains are derived from the array beside them and follow it.
GRANT SELECT, INSERT, DELETE ON entra_managed_tenant_domains TO entrasync_discovery;
GRANT SELECT ON entra_managed_tenants_seen TO entrasync_discovery;
