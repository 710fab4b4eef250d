-- Mapping owns the host's clients and which managed tenant belongs to which.
--
-- tenant_id is filled by its default from the tenant that the transaction works
-- for, and row-level security refuses every other value.

-- One row per tenant. Its lock orders everything that changes clients and
-- mappings, and its version tells whoever decides whether somebody else decided
-- in between.
CREATE TABLE entra_mapping_heads (
    tenant_id text COLLATE "C" NOT NULL DEFAULT NULLIF(current_setting('app.tenant', true), '')
              CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    version   bigint NOT NULL DEFAULT 0 CHECK (version >= 0),
    PRIMARY KEY (tenant_id)
) WITH (fillfactor = 10);

-- The MSP's record of a customer. Never removed, only marked as deleted.
CREATE TABLE clients (
    tenant_id            text COLLATE "C" NOT NULL DEFAULT NULLIF(current_setting('app.tenant', true), '')
                         CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id                   uuid NOT NULL,
    -- The host's own id; null for a client that a create_new decision made.
    external_id          text COLLATE "C" CHECK (length(external_id) BETWEEN 1 AND 256),
    name                 text NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
    -- The name as it is searched and sorted: folded case, no accents.
    name_key             text COLLATE "C" NOT NULL,
    website              text NOT NULL,
    domain               text NOT NULL,
    alternative_domains  text[] NOT NULL,
    email_domains        text[] NOT NULL,
    billing_email        text NOT NULL,
    deleted              boolean NOT NULL DEFAULT false,
    -- Of the earliest mapping that is still active, else null.
    entra_tenant_id      text COLLATE "C",
    entra_primary_domain text COLLATE "C",
    -- The run that made the client by a create_new decision.
    created_by_run       uuid,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT clients_external_id_key UNIQUE (tenant_id, external_id),
    CHECK ((entra_tenant_id IS NULL) = (entra_primary_domain IS NULL)),
    CHECK (NOT (deleted AND entra_tenant_id IS NOT NULL))
) WITH (fillfactor = 90);

CREATE INDEX clients_by_name ON clients (tenant_id, name_key, id) WHERE NOT deleted;
CREATE INDEX clients_entra_tenant_id ON clients (tenant_id, entra_tenant_id) WHERE entra_tenant_id IS NOT NULL;
CREATE INDEX clients_entra_primary_domain ON clients (tenant_id, entra_primary_domain) WHERE entra_primary_domain IS NOT NULL;
CREATE INDEX clients_created_by_run ON clients (tenant_id, created_by_run) WHERE created_by_run IS NOT NULL;

-- The normalised domains of a client, for look-ups by equality. Derived from
-- the client's own columns.
CREATE TABLE client_domains (
    tenant_id text COLLATE "C" NOT NULL DEFAULT NULLIF(current_setting('app.tenant', true), '')
              CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    domain    text COLLATE "C" NOT NULL,
    client_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, domain, client_id),
    FOREIGN KEY (tenant_id, client_id) REFERENCES clients (tenant_id, id)
);

CREATE INDEX client_domains_of ON client_domains (tenant_id, client_id);

-- Decisions of people about managed tenants. A changed decision deactivates the
-- row, which stays as history, and adds one. The managed tenant itself is
-- discovery's; what a mapping needs of it is kept as it was at the decision.
CREATE TABLE entra_client_tenant_mappings (
    tenant_id         text COLLATE "C" NOT NULL DEFAULT NULLIF(current_setting('app.tenant', true), '')
                      CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id                uuid NOT NULL,
    managed_tenant_id uuid NOT NULL,
    entra_tenant_id   text COLLATE "C" NOT NULL,
    display_name      text NOT NULL,
    name_key          text COLLATE "C" NOT NULL,
    primary_domain    text COLLATE "C" NOT NULL,
    state             text NOT NULL CHECK (state IN ('mapped', 'skip_for_now', 'needs_review', 'create_new')),
    client_id         uuid,
    score             double precision CHECK (score BETWEEN 0 AND 1),
    -- 1 for the first decision about a managed tenant, one more for each change.
    revision          bigint NOT NULL CHECK (revision >= 1),
    -- Of all the tenant's mappings, when this decision was written: tells whoever
    -- decides on an older version what was decided since.
    version           bigint NOT NULL CHECK (version >= 1),
    decided_by        text NOT NULL,
    decided_at        timestamptz NOT NULL,
    deactivated_by    text,
    deactivated_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT entra_client_tenant_mappings_revision_key UNIQUE (tenant_id, managed_tenant_id, revision),
    FOREIGN KEY (tenant_id, client_id) REFERENCES clients (tenant_id, id),
    CHECK ((state = 'mapped') = (client_id IS NOT NULL)),
    CHECK (client_id IS NOT NULL OR score IS NULL),
    CHECK ((deactivated_by IS NULL) = (deactivated_at IS NULL))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX entra_client_tenant_mappings_active ON entra_client_tenant_mappings (tenant_id, managed_tenant_id)
    WHERE deactivated_at IS NULL;
CREATE INDEX entra_client_tenant_mappings_confirmed ON entra_client_tenant_mappings (tenant_id, decided_at, id)
    WHERE deactivated_at IS NULL AND state = 'mapped';
CREATE INDEX entra_client_tenant_mappings_of_client ON entra_client_tenant_mappings (tenant_id, client_id, decided_at, id)
    WHERE deactivated_at IS NULL AND state = 'mapped';
CREATE INDEX entra_client_tenant_mappings_by_name ON entra_client_tenant_mappings (tenant_id, name_key, managed_tenant_id)
    WHERE deactivated_at IS NULL;

-- What a committed change must cause elsewhere.
CREATE TABLE outbox (
    tenant_id    text COLLATE "C" NOT NULL DEFAULT NULLIF(current_setting('app.tenant', true), '')
                 CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id           uuid NOT NULL,
    actor_id     text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('start_initial_sync')),
    arguments    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(arguments) = 'object'),
    created_at   timestamptz NOT NULL,
    attempt      integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    -- Until then nobody else is given the effect: it is being worked on, or it
    -- waits for its next try.
    leased_until timestamptz,
    done_at      timestamptz,
    outcome      text CHECK (outcome IN ('done', 'failed')),
    result       jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(result) = 'object'),
    PRIMARY KEY (tenant_id, id),
    CHECK ((done_at IS NULL) = (outcome IS NULL))
) WITH (fillfactor = 90);

CREATE INDEX outbox_due ON outbox (created_at, id) WHERE done_at IS NULL;

ALTER TABLE entra_mapping_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE entra_mapping_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON entra_mapping_heads
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));

ALTER TABLE clients ENABLE ROW LEVEL SECURITY;
ALTER TABLE clients FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON clients
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));

ALTER TABLE client_domains ENABLE ROW LEVEL SECURITY;
ALTER TABLE client_domains FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON client_domains
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));

ALTER TABLE entra_client_tenant_mappings ENABLE ROW LEVEL SECURITY;
ALTER TABLE entra_client_tenant_mappings FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON entra_client_tenant_mappings
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));

ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON outbox
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));

GRANT SELECT, INSERT, UPDATE ON entra_mapping_heads, clients, entra_client_tenant_mappings, outbox TO entrasync_mapping;
-- Domains are derived from the columns of the client and follow them.
GRANT SELECT, INSERT, DELETE ON client_domains TO entrasync_mapping;

-- Which effects wait, over all tenants: ids and times, nothing else.
CREATE VIEW waiting_effects AS
SELECT tenant_id, id, created_at, leased_until FROM outbox WHERE done_at IS NULL;

ALTER VIEW waiting_effects OWNER TO entrasync_mapping_views;
GRANT SELECT (tenant_id, id, created_at, leased_until, done_at) ON outbox TO entrasync_mapping_views;
CREATE POLICY views ON outbox FOR SELECT TO entrasync_mapping_views USING (true);
GRANT SELECT ON waiting_effects TO entrasync_mapping_across;
