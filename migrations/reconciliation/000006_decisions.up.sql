-- What people decide about items, and what a contact that is made from an identity gets.

ALTER TABLE entra_contact_reconciliation_queue
    ADD COLUMN phone text NOT NULL DEFAULT '',
    ADD COLUMN role text NOT NULL DEFAULT '',
    -- Null when it is not known.
    ADD COLUMN account_enabled boolean,
    -- The decision that is being carried out: the item stays open until then, and no round closes it.
    ADD COLUMN pending_attempt integer,
    ADD CONSTRAINT entra_contact_reconciliation_queue_pending CHECK (pending_attempt IS NULL OR status = 'open') NOT VALID;

-- The decisions about an item, by their number.
CREATE TABLE queue_decisions (
    tenant_id         text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    item_id           uuid NOT NULL,
    attempt           integer NOT NULL CHECK (attempt >= 1),
    action            text NOT NULL CHECK (action IN ('resolve_existing', 'resolve_new', 'dismiss')),
    -- The contact that the person chose.
    contact_id        text COLLATE "C" CHECK (contact_id <> ''),
    -- Why the item was dismissed.
    note              text CHECK (note <> ''),
    -- Refused by the sync engine, where a check had passed before: the item is open again.
    state             text NOT NULL CHECK (state IN ('pending', 'done', 'refused')),
    decided_by        text NOT NULL,
    requested_at      timestamptz NOT NULL,
    completed_at      timestamptz,
    -- The contact that the identity was linked to.
    result_contact_id text COLLATE "C",
    -- Finishes the decision where a crash interrupted it.
    effect_id         uuid,
    PRIMARY KEY (tenant_id, item_id, attempt),
    FOREIGN KEY (tenant_id, item_id) REFERENCES entra_contact_reconciliation_queue (tenant_id, id),
    CHECK ((action = 'resolve_existing') = (contact_id IS NOT NULL)),
    CHECK ((action = 'dismiss') = (note IS NOT NULL)),
    CHECK ((state = 'pending') = (completed_at IS NULL)),
    CHECK (result_contact_id IS NULL OR state <> 'pending')
);
CREATE UNIQUE INDEX queue_decisions_pending ON queue_decisions (tenant_id, item_id) WHERE state = 'pending';

-- What a decision must cause when nobody else finishes it, as pkg/outbox hands it out.
CREATE TABLE outbox (
    tenant_id    text COLLATE "C" NOT NULL DEFAULT NULLIF(current_setting('app.tenant', true), '')
                 CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id           uuid NOT NULL,
    number       bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    actor_id     text NOT NULL,
    kind         text NOT NULL CHECK (kind <> ''),
    order_key    text,
    arguments    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(arguments) = 'object'),
    created_at   timestamptz NOT NULL,
    attempt      integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    leased_until timestamptz,
    done_at      timestamptz,
    dead_at      timestamptz,
    outcome      text CHECK (outcome IN ('done', 'failed')),
    result       jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(result) = 'object'),
    PRIMARY KEY (tenant_id, id),
    CHECK ((done_at IS NULL) = (outcome IS NULL)),
    CHECK (dead_at IS NULL OR done_at IS NULL)
) WITH (fillfactor = 90);
CREATE INDEX outbox_open ON outbox (tenant_id, number) WHERE done_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_ended ON outbox (done_at) WHERE done_at IS NOT NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['queue_decisions', 'outbox'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))'
            || ' WITH CHECK (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))', name);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON queue_decisions TO entrasync_reconciliation;
-- Effects that ended long ago are swept.
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO entrasync_reconciliation;

-- Over all tenants: ids, codes and times, nothing else.
GRANT SELECT (tenant_id, id, number, kind, order_key, attempt, leased_until, done_at, dead_at) ON outbox TO entrasync_reconciliation_views;
CREATE POLICY views ON outbox FOR SELECT TO entrasync_reconciliation_views USING (true);
CREATE VIEW effects_waiting AS
SELECT tenant_id, id, kind, order_key, number, leased_until FROM outbox WHERE done_at IS NULL AND dead_at IS NULL;
CREATE VIEW effects_dead AS
SELECT tenant_id, id, kind, attempt, dead_at FROM outbox WHERE dead_at IS NOT NULL;
CREATE VIEW effects_ended AS
SELECT tenant_id, done_at FROM outbox WHERE done_at IS NOT NULL;
ALTER VIEW effects_waiting OWNER TO entrasync_reconciliation_views;
ALTER VIEW effects_dead OWNER TO entrasync_reconciliation_views;
ALTER VIEW effects_ended OWNER TO entrasync_reconciliation_views;
GRANT SELECT ON effects_waiting, effects_dead, effects_ended TO entrasync_reconciliation_across;
