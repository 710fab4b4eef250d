-- What a delta round in which nothing changed comes to, kept so that it need not be counted, and where
-- the host's changes stood when the last round looked.
ALTER TABLE directories
    ADD COLUMN standing jsonb,
    ADD COLUMN client_revision bigint,
    ADD COLUMN feed_seq bigint;
