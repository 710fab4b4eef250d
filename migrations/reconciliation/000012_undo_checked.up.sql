-- Read the whole table, which a migration of its own does under a lock that stops no writer.
ALTER TABLE queue_decisions VALIDATE CONSTRAINT queue_decisions_action;
ALTER TABLE queue_decisions VALIDATE CONSTRAINT queue_decisions_undoes;
