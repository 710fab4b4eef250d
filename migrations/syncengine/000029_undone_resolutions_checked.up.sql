-- Reads the whole table, which a migration of its own does under a lock that stops no writer.
ALTER TABLE identity_resolutions VALIDATE CONSTRAINT identity_resolutions_undone;
