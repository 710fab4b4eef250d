-- Which revision of its directory's mapping raised an item, so that a later one can close it. Items
-- from before belong to some earlier one.
ALTER TABLE entra_contact_reconciliation_queue
    ADD COLUMN mapping_revision bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT entra_contact_reconciliation_queue_revision CHECK (mapping_revision >= 0) NOT VALID;
