DROP VIEW ended_work, status_events_open;
REVOKE DELETE ON outbox FROM entrasync_connection;
DROP INDEX outbox_done;
DROP TABLE status_events;
