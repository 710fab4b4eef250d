DROP INDEX outbox_dead;
DROP VIEW effects_waiting;
CREATE VIEW effects_waiting AS
SELECT tenant_id, id, kind, COALESCE(order_key, managed_tenant_id::text, '') AS order_key, number, leased_until
FROM outbox WHERE done_at IS NULL AND dead_at IS NULL;
ALTER VIEW effects_waiting OWNER TO entrasync_mapping_views;
GRANT SELECT ON effects_waiting TO entrasync_mapping_across;
