-- Decisions that take back another one.
ALTER TABLE queue_decisions
    DROP CONSTRAINT queue_decisions_action_check,
    -- The number of the decision that is taken back.
    ADD COLUMN undoes integer,
    ADD CONSTRAINT queue_decisions_action CHECK (action IN ('resolve_existing', 'resolve_new', 'dismiss', 'undo')) NOT VALID,
    ADD CONSTRAINT queue_decisions_undoes CHECK ((action = 'undo') = (undoes IS NOT NULL)) NOT VALID;
