-- Changes of connections' states are effects of the kind status_changed, which the
-- gateway pulls. They wait for nobody.
ALTER TABLE outbox
    DROP CONSTRAINT outbox_kind_check,
    ADD CONSTRAINT outbox_kind_check CHECK (kind IN ('connection_connected', 'connection_disconnected', 'status_changed')) NOT VALID;

CREATE OR REPLACE VIEW effects_waiting AS
SELECT tenant_id, id, kind, CASE WHEN kind <> 'status_changed' THEN COALESCE(order_key, '') END AS order_key, number, leased_until
FROM outbox WHERE done_at IS NULL AND dead_at IS NULL;

-- What earlier builds hand out to the worker.
CREATE OR REPLACE VIEW outbox_open AS
    SELECT tenant_id, id, created_at, leased_until, number FROM outbox WHERE done_at IS NULL AND kind <> 'status_changed';

-- Earlier builds write events where they did; they go to the outbox from there.
CREATE FUNCTION status_event_to_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO connection.outbox (tenant_id, id, actor_id, kind, arguments, created_at)
    VALUES (NEW.tenant_id, NEW.id, NEW.actor_id, 'status_changed', jsonb_build_object('from_status', NEW.from_status,
        'to_status', NEW.to_status, 'connection_type', NEW.connection_type, 'reason', NEW.reason), NEW.at);
    PERFORM pg_notify('connection_effects', '');
    RETURN NULL;
END $$;
CREATE TRIGGER to_outbox BEFORE INSERT ON status_events FOR EACH ROW EXECUTE FUNCTION status_event_to_outbox();

-- Those that wait are taken along, under their ids: the audit trail has each once.
ALTER TABLE status_events NO FORCE ROW LEVEL SECURITY;
ALTER TABLE outbox NO FORCE ROW LEVEL SECURITY;
INSERT INTO outbox (tenant_id, id, actor_id, kind, arguments, created_at)
SELECT tenant_id, id, actor_id, 'status_changed', jsonb_build_object('from_status', from_status, 'to_status', to_status,
    'connection_type', connection_type, 'reason', reason), at
FROM status_events WHERE acked_at IS NULL ORDER BY at, id;
UPDATE status_events SET acked_at = now() WHERE acked_at IS NULL;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
ALTER TABLE status_events FORCE ROW LEVEL SECURITY;
