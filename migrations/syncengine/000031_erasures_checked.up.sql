-- Reads the whole feed, which a migration of its own does under a lock that stops no writer.
ALTER TABLE contact_changes VALIDATE CONSTRAINT contact_changes_kinds;
