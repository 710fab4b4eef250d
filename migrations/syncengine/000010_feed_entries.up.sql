-- What an entry of the change feed is told with: the version of the contact that it came to, and the
-- status of its link, which stands in no contact. An entry of before has neither. Entries of clients
-- carry the client itself: it belongs to another service.
ALTER TABLE contact_changes
    ADD COLUMN version bigint,
    ADD COLUMN link_status text,
    ADD COLUMN client jsonb,
    ALTER COLUMN contact_id DROP NOT NULL,
    ADD CONSTRAINT contact_changes_types CHECK (type IN ('contact.created', 'contact.linked', 'contact.updated', 'contact.inactivated',
        'contact.reactivated', 'contact.deleted', 'client.created')) NOT VALID,
    ADD CONSTRAINT contact_changes_link_status CHECK (link_status IN ('active', 'inactive', 'orphaned')) NOT VALID,
    ADD CONSTRAINT contact_changes_of CHECK ((contact_id IS NULL) = (client IS NOT NULL)) NOT VALID,
    DROP CONSTRAINT contact_changes_type_check;
