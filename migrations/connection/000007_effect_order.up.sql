-- Clocks differ between replicas: the order of a tenant's effects is that of the
-- changes, which the grant lock and the rows' own keep one behind the other.
ALTER TABLE outbox ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;

DROP INDEX outbox_open_order;
CREATE INDEX outbox_open_order ON outbox (tenant_id, number) WHERE done_at IS NULL;

GRANT SELECT (number) ON outbox TO entrasync_connection_views;
CREATE OR REPLACE VIEW outbox_open AS
    SELECT tenant_id, id, created_at, leased_until, number FROM outbox WHERE done_at IS NULL;
