DROP TRIGGER to_outbox ON status_events;
DROP FUNCTION status_event_to_outbox();

-- Events that wait go back to where earlier builds look for them.
ALTER TABLE status_events NO FORCE ROW LEVEL SECURITY;
ALTER TABLE outbox NO FORCE ROW LEVEL SECURITY;
INSERT INTO status_events (tenant_id, id, at, actor_id, from_status, to_status, connection_type, reason)
SELECT tenant_id, id, created_at, actor_id, arguments->>'from_status', arguments->>'to_status', arguments->>'connection_type', arguments->>'reason'
FROM outbox WHERE kind = 'status_changed' AND done_at IS NULL
ON CONFLICT (tenant_id, id) DO UPDATE SET acked_at = NULL;
DELETE FROM outbox WHERE kind = 'status_changed';
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
ALTER TABLE status_events FORCE ROW LEVEL SECURITY;

CREATE OR REPLACE VIEW outbox_open AS
    SELECT tenant_id, id, created_at, leased_until, number FROM outbox WHERE done_at IS NULL;
CREATE OR REPLACE VIEW effects_waiting AS
SELECT tenant_id, id, kind, COALESCE(order_key, '') AS order_key, number, leased_until
FROM outbox WHERE done_at IS NULL AND dead_at IS NULL;
ALTER TABLE outbox
    DROP CONSTRAINT outbox_kind_check,
    ADD CONSTRAINT outbox_kind_check CHECK (kind IN ('connection_connected', 'connection_disconnected')) NOT VALID;
