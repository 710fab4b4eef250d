-- The code of before does not know such effects.
DROP TRIGGER items_opened ON entra_contact_reconciliation_queue;
DROP TRIGGER items_changed ON entra_contact_reconciliation_queue;
DROP FUNCTION tell_of_items();
ALTER TABLE outbox NO FORCE ROW LEVEL SECURITY;
DELETE FROM outbox WHERE kind = 'items_changed';
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
