ALTER TABLE webhooks DROP COLUMN replayed_at;
