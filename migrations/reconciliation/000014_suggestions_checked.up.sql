-- Read the whole table, which a migration of its own does under a lock that stops no writer.
ALTER TABLE entra_contact_reconciliation_queue VALIDATE CONSTRAINT entra_contact_reconciliation_queue_suggestion;
ALTER TABLE entra_contact_reconciliation_queue VALIDATE CONSTRAINT entra_contact_reconciliation_queue_suggested;
