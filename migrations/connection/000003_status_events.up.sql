-- Changes of connections' states on their way to the audit trail, each written in
-- the transaction of its change: codes and opaque ids, no texts, nobody's name.
CREATE TABLE status_events (
    tenant_id       text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id              uuid NOT NULL,
    at              timestamptz NOT NULL,
    actor_id        text NOT NULL, -- empty: Microsoft's answer did it
    from_status     text NOT NULL CHECK (from_status IN ('not_connected', 'connected', 'validation_failed', 'disconnected')),
    to_status       text NOT NULL CHECK (to_status IN ('connected', 'validation_failed', 'disconnected')),
    connection_type text NOT NULL CHECK (connection_type IN ('direct', 'cipp')),
    reason          text NOT NULL CHECK (reason ~ '^[a-z_]{0,64}$'),
    leased_until    timestamptz,
    acked_at        timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT failed_has_reason CHECK (to_status <> 'validation_failed' OR reason <> '')
);
CREATE INDEX status_events_open_order ON status_events (at, id) WHERE acked_at IS NULL;
CREATE INDEX status_events_acked ON status_events (acked_at) WHERE acked_at IS NOT NULL;
CREATE INDEX outbox_done ON outbox (done_at) WHERE done_at IS NOT NULL;

ALTER TABLE status_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE status_events FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON status_events
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
CREATE POLICY views ON status_events FOR SELECT TO entrasync_connection_views USING (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON status_events TO entrasync_connection;
GRANT DELETE ON outbox TO entrasync_connection; -- what has ended is erased in time

GRANT SELECT (tenant_id, id, at, leased_until, acked_at) ON status_events TO entrasync_connection_views;

CREATE VIEW status_events_open AS
    SELECT tenant_id, id, at, leased_until FROM status_events WHERE acked_at IS NULL;

-- Tenants with effects and events that have ended, and since when.
CREATE VIEW ended_work AS
    SELECT tenant_id, done_at AS since FROM outbox WHERE done_at IS NOT NULL
    UNION ALL
    SELECT tenant_id, acked_at FROM status_events WHERE acked_at IS NOT NULL;

GRANT SELECT ON status_events_open, ended_work TO entrasync_connection_across;
ALTER VIEW status_events_open OWNER TO entrasync_connection_views;
ALTER VIEW ended_work OWNER TO entrasync_connection_views;
