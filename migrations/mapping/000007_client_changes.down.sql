-- The code of before does not know such effects.
DROP TRIGGER clients_made ON clients;
DROP TRIGGER clients_changed ON clients;
DROP FUNCTION tell_of_clients();
ALTER TABLE outbox NO FORCE ROW LEVEL SECURITY;
DELETE FROM outbox WHERE kind = 'clients_changed';
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
ALTER TABLE outbox
    ADD CONSTRAINT outbox_kind_check CHECK (kind IN ('start_initial_sync', 'mapping_revised', 'orphans_decided')),
    DROP CONSTRAINT outbox_kinds;
