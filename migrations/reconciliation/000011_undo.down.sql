-- Decisions that took one back stay, since nothing here is ever deleted; no other can be added.
ALTER TABLE queue_decisions
    DROP CONSTRAINT queue_decisions_action,
    DROP COLUMN undoes,
    ADD CONSTRAINT queue_decisions_action_check CHECK (action IN ('resolve_existing', 'resolve_new', 'dismiss')) NOT VALID;
