DROP VIEW effects_waiting, effects_dead, effects_ended;
DROP TABLE queue_decisions, outbox;
ALTER TABLE entra_contact_reconciliation_queue
    DROP COLUMN phone,
    DROP COLUMN role,
    DROP COLUMN account_enabled,
    DROP COLUMN pending_attempt;
