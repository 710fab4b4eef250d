DROP VIEW outbox_open;
CREATE VIEW outbox_open AS
    SELECT tenant_id, id, created_at, leased_until FROM outbox WHERE done_at IS NULL;
GRANT SELECT ON outbox_open TO entrasync_connection_across;
ALTER VIEW outbox_open OWNER TO entrasync_connection_views;

DROP INDEX outbox_open_order;
CREATE INDEX outbox_open_order ON outbox (created_at, id) WHERE done_at IS NULL;
REVOKE SELECT (number) ON outbox FROM entrasync_connection_views;
ALTER TABLE outbox DROP COLUMN number;
