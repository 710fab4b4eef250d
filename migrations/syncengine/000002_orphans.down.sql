DROP TABLE entra_contact_link_history;
DROP INDEX entra_contact_links_free;
-- What was ended is orphaned again, which is what the version before knows.
ALTER TABLE entra_contact_links
    DROP COLUMN relink_decision_id,
    DROP COLUMN relink_client_id,
    DROP COLUMN ended_at;
DROP TABLE orphan_decisions;
DROP TABLE directory_mappings;
