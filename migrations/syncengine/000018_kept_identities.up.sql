-- Delta rounds: what a directory has besides its links, so that a round that hears of changes
-- alone decides as one that lists everybody.

-- Identities without a link, and linked ones that a filter hits or that failed.
CREATE TABLE kept_identities (
    tenant_id       text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    entra_tenant_id text COLLATE "C" NOT NULL,
    entra_object_id text COLLATE "C" NOT NULL CHECK (length(entra_object_id) BETWEEN 1 AND 128),
    -- As in a round's own table: why it is not decided about, if it is not, and what a contact would get.
    failure         text,
    verdict         text,
    pattern         text,
    linked          boolean NOT NULL,
    content         bigint NOT NULL,
    upn             text NOT NULL,
    enabled         boolean,
    full_name       text NOT NULL,
    name_key        text COLLATE "C" NOT NULL,
    named           boolean NOT NULL,
    email           text NOT NULL,
    email_norm      text COLLATE "C",
    mailed          boolean NOT NULL,
    phone           text NOT NULL,
    role            text NOT NULL,
    addresses       text COLLATE "C" NOT NULL,
    own             integer NOT NULL,
    -- Of the contact that would be made.
    contact_id      uuid NOT NULL,
    -- As upstream gave it, where that was kept: a change may name some properties alone.
    properties      jsonb,
    PRIMARY KEY (tenant_id, entra_tenant_id, entra_object_id)
) WITH (fillfactor = 90);
-- Those that a person decides about.
CREATE INDEX kept_identities_undecided ON kept_identities (tenant_id, entra_tenant_id, entra_object_id)
    WHERE failure IS NULL AND verdict IS NULL;
ALTER TABLE kept_identities ENABLE ROW LEVEL SECURITY;
ALTER TABLE kept_identities FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON kept_identities USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
GRANT SELECT, INSERT, UPDATE, DELETE ON kept_identities TO entrasync_syncengine;
