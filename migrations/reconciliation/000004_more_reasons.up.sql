-- Two more reasons. The new rule stands beside no row that it could refuse, and is checked in a
-- migration of its own.
ALTER TABLE entra_contact_reconciliation_queue
    DROP CONSTRAINT entra_contact_reconciliation_queue_reason_check,
    ADD CONSTRAINT entra_contact_reconciliation_queue_reason CHECK (reason IN (
        'multiple_email_matches', 'contact_already_linked', 'duplicate_identity_email', 'email_in_use_elsewhere', 'alias_match',
        'contact_deleted')) NOT VALID;
