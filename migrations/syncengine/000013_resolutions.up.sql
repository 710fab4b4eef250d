-- What people decided about single identities, by the item of the queue and the number of its
-- decision: once carried out, it answers the same. It is the history of these links.
CREATE TABLE identity_resolutions (
    tenant_id                  text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    item_id                    uuid NOT NULL,
    attempt                    integer NOT NULL CHECK (attempt >= 1),
    entra_tenant_id            text COLLATE "C" NOT NULL,
    entra_object_id            text COLLATE "C" NOT NULL,
    client_id                  uuid NOT NULL,
    contact_id                 uuid NOT NULL REFERENCES contacts (id),
    -- The contact was made from the identity.
    created                    boolean NOT NULL,
    -- Of the contact when it had been linked; a later one tells that somebody changed it since.
    contact_version            bigint NOT NULL,
    -- Of the contact before.
    was_inactive               boolean NOT NULL,
    was_inactivated_by_sync    boolean NOT NULL,
    decided_by                 text NOT NULL,
    at                         timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, item_id, attempt)
);
CREATE INDEX identity_resolutions_identity ON identity_resolutions (tenant_id, entra_tenant_id, entra_object_id);

ALTER TABLE identity_resolutions ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity_resolutions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON identity_resolutions USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
GRANT SELECT, INSERT, UPDATE ON identity_resolutions TO entrasync_syncengine;
