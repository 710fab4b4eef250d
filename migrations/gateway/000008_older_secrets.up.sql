-- The secret that old_secret replaced, which signs too while its time lasts: a secret may be replaced twice
-- within a day.
ALTER TABLE webhooks ADD COLUMN older_secret bytea;
ALTER TABLE webhooks ADD COLUMN older_secret_until timestamptz;
