-- Items of the new reasons stay, since nothing here is ever deleted; no other can be added.
ALTER TABLE entra_contact_reconciliation_queue
    DROP CONSTRAINT entra_contact_reconciliation_queue_reason,
    ADD CONSTRAINT entra_contact_reconciliation_queue_reason_check CHECK (reason IN (
        'multiple_email_matches', 'contact_already_linked', 'duplicate_identity_email', 'email_in_use_elsewhere')) NOT VALID;
