DROP INDEX entra_contact_reconciliation_queue_client;
ALTER TABLE entra_contact_reconciliation_queue
    DROP COLUMN search,
    DROP COLUMN peers,
    DROP COLUMN licence_count,
    DROP COLUMN user_type;
