ALTER TABLE webhooks DROP COLUMN older_secret_until;
ALTER TABLE webhooks DROP COLUMN older_secret;
