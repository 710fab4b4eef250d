-- A changed mapping follows through to the links of contacts: effects that belong
-- to one managed tenant and are done in their order, the number of links that
-- wait for a person, and what people decide about them.

-- An unmap adds no row: it takes the next revision and version itself, so that
-- whoever follows the mapping, or decides on an older version, can tell.
ALTER TABLE entra_client_tenant_mappings
    ADD COLUMN ended_revision bigint,
    ADD COLUMN ended_version  bigint,
    ADD CONSTRAINT entra_client_tenant_mappings_ended_check CHECK (
        (ended_revision IS NULL) = (ended_version IS NULL)
        AND (ended_revision IS NULL OR (deactivated_at IS NOT NULL AND ended_revision > revision AND ended_version > version)));

ALTER TABLE outbox
    DROP CONSTRAINT outbox_kind_check,
    ADD CONSTRAINT outbox_kind_check CHECK (kind IN ('start_initial_sync', 'mapping_revised', 'orphans_decided')),
    -- Whose effects are done one after the other; null: they wait for nobody
    -- else's.
    ADD COLUMN managed_tenant_id uuid,
    -- The order of effects. It is taken under the lock of the tenant's head, so it
    -- is the order of the commits, which no clock is.
    ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;

CREATE INDEX outbox_waiting ON outbox (tenant_id, managed_tenant_id, number) WHERE done_at IS NULL;
CREATE INDEX outbox_finished ON outbox (done_at) WHERE done_at IS NOT NULL;

-- Links of a managed tenant that were made under another client and wait for a
-- person, as the engine said last.
CREATE TABLE entra_orphans (
    tenant_id         text COLLATE "C" NOT NULL DEFAULT NULLIF(current_setting('app.tenant', true), '')
                      CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    managed_tenant_id uuid NOT NULL,
    links             integer NOT NULL CHECK (links >= 0),
    updated_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, managed_tenant_id)
) WITH (fillfactor = 90);

-- What people decided about such links. The id is also that of the effect.
CREATE TABLE entra_orphan_decisions (
    tenant_id         text COLLATE "C" NOT NULL DEFAULT NULLIF(current_setting('app.tenant', true), '')
                      CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id                uuid NOT NULL,
    managed_tenant_id uuid NOT NULL,
    -- The client that was mapped, and the mapping's revision, at the decision.
    client_id         uuid,
    revision          bigint NOT NULL CHECK (revision >= 1),
    decision          text NOT NULL CHECK (decision IN ('relink', 'leave')),
    decided_by        text NOT NULL,
    decided_at        timestamptz NOT NULL,
    settled_at        timestamptz,
    outcome           text CHECK (outcome IN ('done', 'failed')),
    -- Why it failed, as a stable reason.
    error             text,
    relinked          integer NOT NULL DEFAULT 0 CHECK (relinked >= 0),
    created           integer NOT NULL DEFAULT 0 CHECK (created >= 0),
    left_links        integer NOT NULL DEFAULT 0 CHECK (left_links >= 0),
    ambiguous         integer NOT NULL DEFAULT 0 CHECK (ambiguous >= 0),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, client_id) REFERENCES clients (tenant_id, id),
    CHECK (decision <> 'relink' OR client_id IS NOT NULL),
    CHECK ((settled_at IS NULL) = (outcome IS NULL)),
    CHECK (error IS NULL OR outcome = 'failed')
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX entra_orphan_decisions_pending ON entra_orphan_decisions (tenant_id, managed_tenant_id)
    WHERE settled_at IS NULL;

ALTER TABLE entra_orphans ENABLE ROW LEVEL SECURITY;
ALTER TABLE entra_orphans FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON entra_orphans
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));

ALTER TABLE entra_orphan_decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE entra_orphan_decisions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON entra_orphan_decisions
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));

GRANT SELECT, INSERT, UPDATE ON entra_orphans, entra_orphan_decisions TO entrasync_mapping;
-- Finished effects are erased after a while.
GRANT DELETE ON outbox TO entrasync_mapping;

GRANT SELECT (managed_tenant_id, number) ON outbox TO entrasync_mapping_views;
CREATE OR REPLACE VIEW waiting_effects AS
SELECT tenant_id, id, created_at, leased_until, managed_tenant_id, number FROM outbox WHERE done_at IS NULL;

-- When effects were finished, over all tenants: ids and times, nothing else.
CREATE VIEW finished_effects AS
SELECT tenant_id, done_at FROM outbox WHERE done_at IS NOT NULL;

ALTER VIEW finished_effects OWNER TO entrasync_mapping_views;
GRANT SELECT ON finished_effects TO entrasync_mapping_across;
