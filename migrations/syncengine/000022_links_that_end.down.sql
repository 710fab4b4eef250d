-- What became of the links in the new ways stays written down; the version before reads it as it reads
-- the others.
ALTER TABLE entra_contact_link_history
    DROP CONSTRAINT entra_contact_link_history_event,
    ADD CONSTRAINT entra_contact_link_history_event_check CHECK (event IN ('relinked', 'ended')) NOT VALID,
    ADD CONSTRAINT entra_contact_link_history_tenant_id_decision_id_fkey
        FOREIGN KEY (tenant_id, decision_id) REFERENCES orphan_decisions (tenant_id, id) NOT VALID;
