-- Effects of one order key are done in their order. Rows of earlier builds have no
-- key and are done in the tenant's.
ALTER TABLE outbox
    ADD COLUMN order_key text,
    -- Set aside after too many tries: handed out no more, in nobody's way.
    ADD COLUMN dead_at timestamptz,
    ADD CONSTRAINT outbox_dead_check CHECK (dead_at IS NULL OR done_at IS NULL) NOT VALID;

GRANT SELECT (kind, order_key, attempt, dead_at) ON outbox TO entrasync_connection_views;

-- Over all tenants: ids, codes and times, nothing else.
CREATE VIEW effects_waiting AS
SELECT tenant_id, id, kind, COALESCE(order_key, '') AS order_key, number, leased_until
FROM outbox WHERE done_at IS NULL AND dead_at IS NULL;

CREATE VIEW effects_dead AS
SELECT tenant_id, id, kind, attempt, dead_at FROM outbox WHERE dead_at IS NOT NULL;

CREATE VIEW effects_ended AS
SELECT tenant_id, done_at FROM outbox WHERE done_at IS NOT NULL;

GRANT SELECT ON effects_waiting, effects_dead, effects_ended TO entrasync_connection_across;
ALTER VIEW effects_waiting OWNER TO entrasync_connection_views;
ALTER VIEW effects_dead OWNER TO entrasync_connection_views;
ALTER VIEW effects_ended OWNER TO entrasync_connection_views;
