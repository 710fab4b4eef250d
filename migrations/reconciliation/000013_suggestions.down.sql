DROP INDEX entra_contact_reconciliation_queue_suggestions;
ALTER TABLE entra_contact_reconciliation_queue
    DROP COLUMN suggestion,
    DROP COLUMN suggested_contact,
    DROP COLUMN suggested_for;
