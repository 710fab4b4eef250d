-- The answer that is clearly best by what an item shows; null where somebody has to ask. Items from
-- before have one from the next sighting on.
ALTER TABLE entra_contact_reconciliation_queue
    ADD COLUMN suggestion text,
    ADD COLUMN suggested_contact text COLLATE "C",
    -- What speaks for it.
    ADD COLUMN suggested_for text[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT entra_contact_reconciliation_queue_suggestion CHECK (suggestion IN ('resolve_existing', 'resolve_new', 'dismiss')) NOT VALID,
    ADD CONSTRAINT entra_contact_reconciliation_queue_suggested CHECK (
        (suggested_contact IS NOT NULL) = COALESCE(suggestion = 'resolve_existing', false)) NOT VALID;

-- The open items that have the same one.
CREATE INDEX entra_contact_reconciliation_queue_suggestions
    ON entra_contact_reconciliation_queue (tenant_id, suggestion, created_at, id) WHERE status = 'open';
