-- What the code of before cannot say goes: entries of clients, and that a deletion is one.
ALTER TABLE contact_changes NO FORCE ROW LEVEL SECURITY;
DELETE FROM contact_changes WHERE contact_id IS NULL;
UPDATE contact_changes SET type = 'contact.updated' WHERE type = 'contact.deleted';
ALTER TABLE contact_changes FORCE ROW LEVEL SECURITY;
ALTER TABLE contact_changes
    ADD CONSTRAINT contact_changes_type_check CHECK (type IN ('contact.created', 'contact.linked', 'contact.updated', 'contact.inactivated', 'contact.reactivated')),
    DROP CONSTRAINT contact_changes_types,
    DROP CONSTRAINT contact_changes_link_status,
    DROP CONSTRAINT contact_changes_of,
    ALTER COLUMN contact_id SET NOT NULL,
    DROP COLUMN client,
    DROP COLUMN link_status,
    DROP COLUMN version;
