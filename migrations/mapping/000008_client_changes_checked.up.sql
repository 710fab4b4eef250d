-- Reads the whole table, which a migration of its own does under a lock that stops no writer.
ALTER TABLE outbox VALIDATE CONSTRAINT outbox_kinds;
