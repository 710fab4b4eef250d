-- What becomes of links whose managed tenant was mapped to another client, or to none.

-- The mapping of a directory as it was told last, and the one that its links follow. Whoever
-- writes for an older revision stops.
CREATE TABLE directory_mappings (
    tenant_id         text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    entra_tenant_id   text COLLATE "C" NOT NULL,
    managed_tenant_id text COLLATE "C" NOT NULL,
    -- Null while no client is mapped.
    client_id         uuid,
    revision          bigint NOT NULL CHECK (revision >= 0),
    followed_revision bigint NOT NULL DEFAULT -1 CHECK (followed_revision BETWEEN -1 AND revision),
    updated_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, entra_tenant_id)
) WITH (fillfactor = 10);

-- What a person decided about a directory's orphaned links, by the decision's own id.
CREATE TABLE orphan_decisions (
    tenant_id         text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id                uuid NOT NULL,
    entra_tenant_id   text COLLATE "C" NOT NULL,
    managed_tenant_id text COLLATE "C" NOT NULL,
    client_id         uuid,
    mapping_revision  bigint NOT NULL,
    decision          text NOT NULL CHECK (decision IN ('relink', 'leave')),
    decided_by        text NOT NULL,
    -- Added up range by range, over all attempts. Those created are among those relinked.
    relinked          integer NOT NULL DEFAULT 0 CHECK (relinked >= 0),
    created           integer NOT NULL DEFAULT 0 CHECK (created BETWEEN 0 AND relinked),
    ended             integer NOT NULL DEFAULT 0 CHECK (ended >= 0),
    -- Known at the end.
    ambiguous         integer NOT NULL DEFAULT 0 CHECK (ambiguous >= 0),
    orphaned          integer NOT NULL DEFAULT 0 CHECK (orphaned >= 0),
    begun_at          timestamptz NOT NULL,
    completed_at      timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK (decision = 'leave' OR client_id IS NOT NULL)
);

-- An orphaned link that a person ended is no tie any more: the identity is new to whichever client
-- is mapped. One that is to be relinked waits for a contact of that client.
ALTER TABLE entra_contact_links
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN relink_client_id uuid,
    ADD COLUMN relink_decision_id uuid,
    ADD CONSTRAINT entra_contact_links_ended CHECK (ended_at IS NULL OR status = 'orphaned'),
    ADD CONSTRAINT entra_contact_links_relink CHECK (relink_client_id IS NULL OR status = 'orphaned' AND ended_at IS NULL),
    ADD CONSTRAINT entra_contact_links_relink_decision CHECK ((relink_client_id IS NULL) = (relink_decision_id IS NULL));
-- Whether a round may meet rows that it takes over instead of making new ones. The identity stands
-- in it so that a look-up of one never reads them all.
CREATE INDEX entra_contact_links_free ON entra_contact_links (tenant_id, entra_tenant_id, entra_object_id)
    WHERE ended_at IS NOT NULL OR relink_client_id IS NOT NULL;

-- The ties that were: which contact an identity had, and which it got. An identity is decided on
-- once by a decision.
CREATE TABLE entra_contact_link_history (
    tenant_id       text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    decision_id     uuid NOT NULL,
    entra_tenant_id text COLLATE "C" NOT NULL,
    entra_object_id text COLLATE "C" NOT NULL,
    event           text NOT NULL CHECK (event IN ('relinked', 'ended')),
    old_contact_id  uuid NOT NULL REFERENCES contacts (id),
    old_client_id   uuid NOT NULL,
    linked_at       timestamptz NOT NULL,
    new_contact_id  uuid REFERENCES contacts (id),
    new_client_id   uuid,
    decided_by      text NOT NULL,
    -- The round that found the contact, where it was not the decision itself.
    run_id          uuid,
    at              timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, decision_id, entra_object_id),
    FOREIGN KEY (tenant_id, decision_id) REFERENCES orphan_decisions (tenant_id, id),
    CHECK ((event = 'relinked') = (new_contact_id IS NOT NULL)),
    CHECK ((new_contact_id IS NULL) = (new_client_id IS NULL))
);
CREATE INDEX entra_contact_link_history_identity ON entra_contact_link_history (tenant_id, entra_tenant_id, entra_object_id, at);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['directory_mappings', 'orphan_decisions', 'entra_contact_link_history'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))'
            || ' WITH CHECK (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))', name);
    END LOOP;
END $$;

-- Nothing here is ever deleted, and what was is not rewritten.
GRANT SELECT, INSERT, UPDATE ON directory_mappings, orphan_decisions TO entrasync_syncengine;
GRANT SELECT, INSERT ON entra_contact_link_history TO entrasync_syncengine;
