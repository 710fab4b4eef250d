ALTER TABLE oauth_states DROP COLUMN ended_at;
