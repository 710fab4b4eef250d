DROP INDEX sessions_id;
DROP INDEX sessions_actor;
ALTER TABLE sessions DROP COLUMN session_id;
