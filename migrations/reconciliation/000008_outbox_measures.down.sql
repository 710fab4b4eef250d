DROP INDEX outbox_dead;
DROP VIEW effects_waiting;
CREATE VIEW effects_waiting AS
SELECT tenant_id, id, kind, order_key, number, leased_until
FROM outbox WHERE done_at IS NULL AND dead_at IS NULL;
ALTER VIEW effects_waiting OWNER TO entrasync_reconciliation_views;
GRANT SELECT ON effects_waiting TO entrasync_reconciliation_across;
REVOKE SELECT (created_at) ON outbox FROM entrasync_reconciliation_views;
