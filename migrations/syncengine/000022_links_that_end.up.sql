-- A link also ends when the host deletes its contact, and when the account was made again and the new
-- one takes the contact over: nobody decides that, so that no decision stands behind it. The id is then
-- the event's own, or that of the run that found it, and decided_by is empty where it was no person.
ALTER TABLE entra_contact_link_history
    DROP CONSTRAINT entra_contact_link_history_event_check,
    DROP CONSTRAINT entra_contact_link_history_tenant_id_decision_id_fkey,
    ADD CONSTRAINT entra_contact_link_history_event CHECK (event IN ('relinked', 'ended', 'contact_deleted', 'taken_over')) NOT VALID;
