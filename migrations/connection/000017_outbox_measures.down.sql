DROP INDEX outbox_dead;
DROP VIEW effects_waiting;
CREATE VIEW effects_waiting AS
SELECT tenant_id, id, kind, CASE WHEN kind <> 'status_changed' THEN COALESCE(order_key, '') END AS order_key, number, leased_until
FROM outbox WHERE done_at IS NULL AND dead_at IS NULL;
ALTER VIEW effects_waiting OWNER TO entrasync_connection_views;
GRANT SELECT ON effects_waiting TO entrasync_connection_across;
