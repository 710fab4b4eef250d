-- For the metrics: since when an effect could be done; one that was begun, since its change.
CREATE OR REPLACE VIEW effects_waiting AS
SELECT tenant_id, id, kind, CASE WHEN kind <> 'status_changed' THEN COALESCE(order_key, '') END AS order_key, number, leased_until,
       CASE WHEN attempt = 0 THEN GREATEST(created_at, leased_until) ELSE created_at END AS due_at
FROM outbox WHERE done_at IS NULL AND dead_at IS NULL;

-- A tenant is told of its effects that were set aside.
CREATE INDEX outbox_dead ON outbox (tenant_id) WHERE dead_at IS NOT NULL;
