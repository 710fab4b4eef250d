-- The feed tells of clients and of items of the queue too: what other services send as effects, each once.
ALTER TABLE contact_changes
    -- An item of the queue: ids and codes, nothing of a person.
    ADD COLUMN item jsonb,
    ADD CONSTRAINT contact_changes_subject CHECK (num_nonnulls(contact_id, client, item) = 1) NOT VALID,
    ADD CONSTRAINT contact_changes_all_kinds CHECK (type IN ('contact.created', 'contact.linked', 'contact.updated', 'contact.inactivated',
        'contact.reactivated', 'contact.deleted', 'contact.erased', 'client.created', 'client.updated', 'client.deleted',
        'reconciliation.item.opened', 'reconciliation.item.resolved', 'reconciliation.item.dismissed', 'reconciliation.item.superseded')) NOT VALID,
    DROP CONSTRAINT contact_changes_of,
    DROP CONSTRAINT contact_changes_kinds;

-- Effects whose entries are in the feed. One that is handed out again finds itself here.
CREATE TABLE feed_effects (
    tenant_id text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    effect_id uuid NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, effect_id)
);
CREATE INDEX feed_effects_at ON feed_effects (tenant_id, at);
ALTER TABLE feed_effects ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_effects FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON feed_effects USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
GRANT SELECT, INSERT, DELETE ON feed_effects TO entrasync_syncengine;
