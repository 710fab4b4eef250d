ALTER TABLE directories DROP COLUMN standing, DROP COLUMN client_revision, DROP COLUMN feed_seq;
