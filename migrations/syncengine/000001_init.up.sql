-- Contacts, the links between them and Entra identities, sync settings, runs and their results.

-- People at the clients of the host. The key is the id alone and no index leads with the tenant
-- where equality on the leading column is selective enough: measured, it fills faster.
CREATE TABLE contacts (
    tenant_id                 text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id                        uuid NOT NULL PRIMARY KEY,
    client_id                 uuid NOT NULL,
    external_id               text COLLATE "C" CHECK (length(external_id) BETWEEN 1 AND 256),
    full_name                 text NOT NULL CHECK (full_name <> ''),
    -- What a search by the beginning of the name compares with: NFC, lower case.
    name_key                  text COLLATE "C" NOT NULL,
    email                     text NOT NULL DEFAULT '',
    email_norm                text COLLATE "C" CHECK (email_norm <> ''),
    phone                     text NOT NULL DEFAULT '',
    role                      text NOT NULL DEFAULT '',
    -- Shows the sign-in name where the field rule upn is on.
    sign_in_name              text NOT NULL DEFAULT '',
    inactive                  boolean NOT NULL DEFAULT false,
    deleted                   boolean NOT NULL DEFAULT false,
    made_by                   text NOT NULL CHECK (made_by IN ('host', 'sync', 'person')),
    version                   bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    entra_tenant_id           text COLLATE "C",
    entra_object_id           text COLLATE "C",
    entra_sync_source         text CHECK (entra_sync_source = 'entra_sync'),
    last_entra_sync_at        timestamptz,
    entra_user_principal_name text,
    entra_account_enabled     boolean,
    entra_sync_status         text CHECK (entra_sync_status IN ('active', 'inactive')),
    entra_sync_status_reason  text CHECK (entra_sync_status_reason IN ('disabled_upstream', 'deleted_upstream')),
    -- True while it was sync, and nobody after it, that made the contact inactive.
    inactivated_by_sync       boolean NOT NULL DEFAULT false,
    created_at                timestamptz NOT NULL,
    updated_at                timestamptz NOT NULL,
    CHECK (email <> '' OR email_norm IS NULL),
    CHECK ((entra_object_id IS NULL) = (entra_tenant_id IS NULL)),
    CHECK ((entra_object_id IS NULL) = (entra_sync_source IS NULL)),
    CHECK (inactive OR NOT inactivated_by_sync)
) WITH (fillfactor = 90);
CREATE INDEX contacts_email ON contacts (email_norm, tenant_id) WHERE email_norm IS NOT NULL;
CREATE INDEX contacts_client ON contacts (client_id, id);
CREATE INDEX contacts_name ON contacts (tenant_id, name_key, id);
CREATE UNIQUE INDEX contacts_external_id ON contacts (external_id, tenant_id) WHERE external_id IS NOT NULL;

-- The tie between one Entra identity and one contact. Never deleted.
CREATE TABLE entra_contact_links (
    tenant_id       text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    entra_tenant_id text COLLATE "C" NOT NULL,
    entra_object_id text COLLATE "C" NOT NULL CHECK (length(entra_object_id) BETWEEN 1 AND 128),
    contact_id      uuid NOT NULL REFERENCES contacts (id),
    -- The client under which the link was made; another one mapped since makes it orphaned.
    client_id       uuid NOT NULL,
    status          text NOT NULL CHECK (status IN ('active', 'inactive', 'orphaned')),
    -- Since when complete listings lack the identity; null while it is seen.
    gone_at         timestamptz,
    last_seen_at    timestamptz NOT NULL,
    last_synced_at  timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    created_run_id  uuid,
    PRIMARY KEY (tenant_id, entra_tenant_id, entra_object_id)
) WITH (fillfactor = 90);
CREATE UNIQUE INDEX entra_contact_links_active ON entra_contact_links (contact_id) WHERE status = 'active';

-- How a tenant syncs. The row is made at the first touch.
CREATE TABLE entra_sync_settings (
    tenant_id                       text COLLATE "C" NOT NULL PRIMARY KEY CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    automatic_sync                  boolean NOT NULL DEFAULT false,
    interval_minutes                integer NOT NULL DEFAULT 1440 CHECK (interval_minutes BETWEEN 15 AND 10080),
    filter_guests                   boolean NOT NULL DEFAULT false,
    filter_unlicensed               boolean NOT NULL DEFAULT false,
    filter_service_accounts         boolean NOT NULL DEFAULT true,
    custom_patterns                 text[] NOT NULL DEFAULT '{}',
    field_display_name              boolean NOT NULL DEFAULT false,
    field_email                     boolean NOT NULL DEFAULT false,
    field_phone                     boolean NOT NULL DEFAULT false,
    field_role                      boolean NOT NULL DEFAULT false,
    field_upn                       boolean NOT NULL DEFAULT false,
    mark_inactive_when_disabled     boolean NOT NULL DEFAULT true,
    allow_same_email_across_clients boolean NOT NULL DEFAULT true,
    guard_min_count                 integer NOT NULL DEFAULT 10 CHECK (guard_min_count >= 1),
    guard_percent                   integer NOT NULL DEFAULT 20 CHECK (guard_percent BETWEEN 0 AND 100),
    updated_at                      timestamptz NOT NULL
);

-- One row per directory that was synced: where its next round takes up.
CREATE TABLE directories (
    tenant_id            text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    entra_tenant_id      text COLLATE "C" NOT NULL,
    managed_tenant_id    text COLLATE "C" NOT NULL,
    client_id            uuid NOT NULL,
    mapping_revision     bigint NOT NULL,
    delta_link           text,
    -- Of the settings that decided the last round; another one asks for a full listing.
    settings_fingerprint text NOT NULL,
    last_full_at         timestamptz,
    last_round_at        timestamptz,
    last_run_id          uuid,
    PRIMARY KEY (tenant_id, entra_tenant_id)
) WITH (fillfactor = 10);

-- Rises with every change of a client's contacts that sync did not make itself.
CREATE TABLE client_heads (
    tenant_id text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    client_id uuid NOT NULL,
    revision  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, client_id)
) WITH (fillfactor = 10);

-- The number of the last change of a tenant.
CREATE TABLE feed_heads (
    tenant_id text COLLATE "C" NOT NULL PRIMARY KEY CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    seq       bigint NOT NULL
) WITH (fillfactor = 10);

-- The change feed: gapless per tenant, without payload.
CREATE TABLE contact_changes (
    tenant_id  text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    seq        bigint NOT NULL,
    type       text NOT NULL CHECK (type IN ('contact.created', 'contact.linked', 'contact.updated', 'contact.inactivated', 'contact.reactivated')),
    source     text NOT NULL CHECK (source IN ('sync', 'host', 'person')),
    contact_id uuid NOT NULL,
    client_id  uuid NOT NULL,
    fields     text[] NOT NULL DEFAULT '{}',
    run_id     uuid,
    at         timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);

CREATE TABLE entra_sync_runs (
    tenant_id          text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id                 uuid NOT NULL,
    type               text NOT NULL CHECK (type IN ('initial', 'all-tenants', 'single-client', 'discovery')),
    -- The client of a single-client run, else empty: part of the key by which requests join.
    scope              text COLLATE "C" NOT NULL DEFAULT '',
    client_id          uuid,
    dry_run            boolean NOT NULL,
    trigger            text NOT NULL CHECK (trigger IN ('manual', 'schedule')),
    state              text NOT NULL CHECK (state IN ('queued', 'running', 'completed', 'partial', 'failed', 'cancelled', 'held')),
    workflow_id        text NOT NULL,
    initiated_by       text NOT NULL,
    created_at         timestamptz NOT NULL,
    started_at         timestamptz,
    completed_at       timestamptz,
    error_code         text,
    error_message      text,
    error_remedy       text,
    discovered_tenants integer,
    PRIMARY KEY (tenant_id, id),
    CHECK ((state IN ('queued', 'running')) = (completed_at IS NULL)),
    CHECK ((type = 'single-client') = (client_id IS NOT NULL)),
    CHECK (scope = COALESCE(client_id::text, ''))
);
CREATE UNIQUE INDEX entra_sync_runs_open ON entra_sync_runs (tenant_id, type, scope, dry_run) WHERE state IN ('queued', 'running');

CREATE TABLE entra_sync_run_tenants (
    tenant_id         text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    run_id            uuid NOT NULL,
    managed_tenant_id text COLLATE "C" NOT NULL,
    entra_tenant_id   text COLLATE "C" NOT NULL,
    client_id         uuid NOT NULL,
    mapping_revision  bigint NOT NULL,
    -- Directories with one number belong to one client and run one after the other, by position.
    group_no          integer NOT NULL,
    position          integer NOT NULL,
    state             text NOT NULL CHECK (state IN ('queued', 'running', 'completed', 'partial', 'failed', 'cancelled', 'held')),
    created           integer NOT NULL DEFAULT 0 CHECK (created >= 0),
    linked            integer NOT NULL DEFAULT 0 CHECK (linked >= 0),
    updated           integer NOT NULL DEFAULT 0 CHECK (updated >= 0),
    unchanged         integer NOT NULL DEFAULT 0 CHECK (unchanged >= 0),
    ambiguous         integer NOT NULL DEFAULT 0 CHECK (ambiguous >= 0),
    inactivated       integer NOT NULL DEFAULT 0 CHECK (inactivated >= 0),
    -- Of those inactivated, the ones that the listing lacked.
    inactivated_gone  integer NOT NULL DEFAULT 0 CHECK (inactivated_gone BETWEEN 0 AND inactivated),
    reactivated       integer NOT NULL DEFAULT 0 CHECK (reactivated >= 0),
    filtered          integer NOT NULL DEFAULT 0 CHECK (filtered >= 0),
    failed            integer NOT NULL DEFAULT 0 CHECK (failed >= 0),
    filtered_reasons  jsonb NOT NULL DEFAULT '{}',
    ambiguous_reasons jsonb NOT NULL DEFAULT '{}',
    -- The first 100 records that could not be taken: [{"objectId", "reason"}].
    failures          jsonb NOT NULL DEFAULT '[]',
    held_reason       text CHECK (held_reason IN ('mass_inactivation', 'empty_directory', 'filter_drops_all')),
    held_count        integer,
    held_digest       text,
    error_code        text,
    error_message     text,
    error_remedy      text,
    started_at        timestamptz,
    completed_at      timestamptz,
    PRIMARY KEY (tenant_id, run_id, managed_tenant_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES entra_sync_runs (tenant_id, id),
    CHECK ((state = 'held') = (held_reason IS NOT NULL)),
    CHECK ((state IN ('queued', 'running')) = (completed_at IS NULL))
);
CREATE INDEX entra_sync_run_tenants_client ON entra_sync_run_tenants (tenant_id, client_id, run_id);

-- The identities whose inactivation a guard holds back.
CREATE TABLE held_identities (
    tenant_id         text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    run_id            uuid NOT NULL,
    managed_tenant_id text COLLATE "C" NOT NULL,
    entra_object_id   text COLLATE "C" NOT NULL,
    reason            text NOT NULL CHECK (reason IN ('disabled_upstream', 'deleted_upstream')),
    PRIMARY KEY (tenant_id, run_id, managed_tenant_id, entra_object_id),
    FOREIGN KEY (tenant_id, run_id, managed_tenant_id) REFERENCES entra_sync_run_tenants (tenant_id, run_id, managed_tenant_id)
);

-- A contact as it is shown: the times of what a round found unchanged come from its directory.
CREATE VIEW contact_details WITH (security_invoker = true) AS
SELECT c.tenant_id, c.id, c.client_id, c.external_id, c.full_name, c.name_key, c.email, c.email_norm, c.phone, c.role,
       c.inactive, c.deleted, c.version, c.entra_tenant_id, c.entra_object_id, c.entra_sync_source,
       GREATEST(c.last_entra_sync_at,
                CASE WHEN l.gone_at IS NULL AND l.status <> 'orphaned' THEN d.last_round_at END) AS last_entra_sync_at,
       c.entra_user_principal_name, c.entra_account_enabled, c.entra_sync_status, c.entra_sync_status_reason,
       l.status AS link_status
FROM contacts c
LEFT JOIN entra_contact_links l ON l.tenant_id = c.tenant_id AND l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = c.entra_object_id
LEFT JOIN directories d ON d.tenant_id = c.tenant_id AND d.entra_tenant_id = c.entra_tenant_id;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['contacts', 'entra_contact_links', 'entra_sync_settings', 'directories', 'client_heads', 'feed_heads',
        'contact_changes', 'entra_sync_runs', 'entra_sync_run_tenants', 'held_identities'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))'
            || ' WITH CHECK (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))', name);
    END LOOP;
END $$;

-- Nothing is ever deleted here but what a round that is tried again had recorded.
GRANT SELECT, INSERT, UPDATE ON contacts, entra_contact_links, entra_sync_settings, directories, client_heads, feed_heads,
    entra_sync_runs, entra_sync_run_tenants TO entrasync_syncengine;
GRANT SELECT, INSERT ON contact_changes TO entrasync_syncengine;
GRANT SELECT, INSERT, DELETE ON held_identities TO entrasync_syncengine;
GRANT SELECT ON contact_details TO entrasync_syncengine;

-- What work without a tenant may see: which runs are open.
GRANT SELECT (tenant_id, id, workflow_id, state, created_at) ON entra_sync_runs TO entrasync_syncengine_views;
CREATE POLICY views ON entra_sync_runs FOR SELECT TO entrasync_syncengine_views USING (true);
CREATE INDEX entra_sync_runs_open_since ON entra_sync_runs (created_at) WHERE state IN ('queued', 'running');
CREATE VIEW open_runs AS
SELECT tenant_id, id, workflow_id, created_at FROM entra_sync_runs WHERE state IN ('queued', 'running');
ALTER VIEW open_runs OWNER TO entrasync_syncengine_views;
GRANT SELECT ON open_runs TO entrasync_syncengine_across;
