-- Links of contacts that the host deleted before such links ended with them: they end now, and their
-- identities are decided about anew by the next listing.
ALTER TABLE entra_contact_links NO FORCE ROW LEVEL SECURITY;
ALTER TABLE entra_contact_link_history NO FORCE ROW LEVEL SECURITY;
ALTER TABLE contacts NO FORCE ROW LEVEL SECURITY;
ALTER TABLE directories NO FORCE ROW LEVEL SECURITY;
WITH due AS MATERIALIZED (
    SELECT l.tenant_id, l.entra_tenant_id, l.entra_object_id, l.contact_id, l.client_id, l.created_at
    FROM contacts c
    JOIN entra_contact_links l ON l.tenant_id = c.tenant_id AND l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = c.entra_object_id
    WHERE c.deleted AND l.contact_id = c.id AND l.ended_at IS NULL
), ended AS (
    UPDATE entra_contact_links l
    SET status = 'orphaned', ended_at = now(), relink_client_id = NULL, relink_decision_id = NULL
    FROM due d
    WHERE l.tenant_id = d.tenant_id AND l.entra_tenant_id = d.entra_tenant_id AND l.entra_object_id = d.entra_object_id
), history AS (
    INSERT INTO entra_contact_link_history (tenant_id, decision_id, entra_tenant_id, entra_object_id, event, old_contact_id, old_client_id,
        linked_at, decided_by, at)
    SELECT tenant_id, gen_random_uuid(), entra_tenant_id, entra_object_id, 'contact_deleted', contact_id, client_id, created_at, '', now() FROM due
), listed AS (
    UPDATE directories d SET delta_link = NULL WHERE (d.tenant_id, d.entra_tenant_id) IN (SELECT tenant_id, entra_tenant_id FROM due)
)
UPDATE contacts c
SET entra_tenant_id = NULL, entra_object_id = NULL, entra_sync_source = NULL, last_entra_sync_at = NULL, entra_user_principal_name = NULL,
    entra_account_enabled = NULL, entra_sync_status = NULL, entra_sync_status_reason = NULL
WHERE c.id IN (SELECT contact_id FROM due);
ALTER TABLE entra_contact_links FORCE ROW LEVEL SECURITY;
ALTER TABLE entra_contact_link_history FORCE ROW LEVEL SECURITY;
ALTER TABLE contacts FORCE ROW LEVEL SECURITY;
ALTER TABLE directories FORCE ROW LEVEL SECURITY;
