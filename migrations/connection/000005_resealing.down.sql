DROP VIEW sealing_keys;
REVOKE SELECT (key_id) ON secrets, oauth_states, pending_grants FROM entrasync_connection_views;
REVOKE UPDATE (sealed, key_id) ON secrets FROM entrasync_connection;
ALTER TABLE pending_grants DROP COLUMN key_id;
ALTER TABLE oauth_states DROP COLUMN key_id;
