DROP VIEW effects_ended;
DROP VIEW effects_dead;
DROP VIEW effects_waiting;
REVOKE SELECT (kind, attempt) ON outbox FROM entrasync_connection_views;
ALTER TABLE outbox DROP COLUMN dead_at, DROP COLUMN order_key;
