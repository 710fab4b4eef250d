-- What items are found by, and who shares an address with their identity.
ALTER TABLE entra_contact_reconciliation_queue
    -- The words of the name, the address and the sign-in name, folded, each after a space.
    ADD COLUMN search text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN peers jsonb NOT NULL DEFAULT '[]',
    -- Null when it is not known.
    ADD COLUMN licence_count integer,
    ADD COLUMN user_type text NOT NULL DEFAULT '',
    ADD CONSTRAINT entra_contact_reconciliation_queue_peers CHECK (jsonb_typeof(peers) = 'array') NOT VALID;

-- Nearly what the service writes; the next sighting writes just that.
ALTER TABLE entra_contact_reconciliation_queue NO FORCE ROW LEVEL SECURITY;
UPDATE entra_contact_reconciliation_queue
SET search = ' ' || lower(display_name) || ' ' || lower(email) || ' ' || lower(user_principal_name);
ALTER TABLE entra_contact_reconciliation_queue FORCE ROW LEVEL SECURITY;

-- The items of one client.
CREATE INDEX entra_contact_reconciliation_queue_client
    ON entra_contact_reconciliation_queue (tenant_id, client_id, created_at, id);
