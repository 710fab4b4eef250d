-- Where hosts want to be told of what happens, and how far each was told.
CREATE TABLE webhooks (
    tenant_id        text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id               uuid NOT NULL,
    url              text NOT NULL CHECK (length(url) BETWEEN 1 AND 2048),
    events           text[] NOT NULL CHECK (cardinality(events) > 0),
    state            text NOT NULL CHECK (state IN ('enabled', 'disabled')),
    -- Why it is disabled: by a person, failing or gone.
    disabled_reason  text CHECK (disabled_reason IN ('by_person', 'failing', 'gone')),
    -- The keys that sign, sealed. The one before signs too until its time is over.
    secret           bytea NOT NULL,
    old_secret       bytea,
    old_secret_until timestamptz,
    -- Up to where the change feed was told, and up to when runs had ended that were told of.
    feed_cursor      text NOT NULL,
    runs_until       timestamptz NOT NULL,
    failing_since    timestamptz,
    attempts         integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_at          timestamptz NOT NULL,
    leased_until     timestamptz NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, url),
    CHECK ((state = 'disabled') = (disabled_reason IS NOT NULL)),
    CHECK ((old_secret IS NULL) = (old_secret_until IS NULL))
);
CREATE INDEX webhooks_due ON webhooks (next_at) WHERE state = 'enabled';

-- Each attempt to tell a host of an event.
CREATE TABLE webhook_deliveries (
    tenant_id  text COLLATE "C" NOT NULL,
    webhook_id uuid NOT NULL,
    id         uuid NOT NULL,
    message_id text NOT NULL,
    type       text NOT NULL,
    attempt    integer NOT NULL CHECK (attempt > 0),
    delivered  boolean NOT NULL,
    -- The HTTP status of the answer; null without one.
    status     integer,
    error      text,
    took_ms    integer NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, webhook_id, id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX webhook_deliveries_message ON webhook_deliveries (tenant_id, webhook_id, message_id) WHERE delivered;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['webhooks', 'webhook_deliveries'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))'
            || ' WITH CHECK (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))', name);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks, webhook_deliveries TO entrasync_gateway;

-- What work without a tenant may see: which endpoints are due.
CREATE POLICY views ON webhooks FOR SELECT TO entrasync_gateway_views USING (true);
GRANT SELECT (tenant_id, id, next_at, leased_until, state) ON webhooks TO entrasync_gateway_views;
CREATE VIEW due_webhooks AS SELECT tenant_id, id, GREATEST(next_at, leased_until) AS due_at FROM webhooks WHERE state = 'enabled';
ALTER VIEW due_webhooks OWNER TO entrasync_gateway_views;
GRANT SELECT ON due_webhooks TO entrasync_gateway_across;
