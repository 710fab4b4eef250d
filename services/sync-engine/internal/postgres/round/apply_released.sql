-- name: apply_released
-- What the links were becomes history, and the old contacts, which stay at their clients, are no
-- longer shown as linked. See apply_contacts for how contacts are found.
WITH history AS (
    INSERT INTO entra_contact_link_history (tenant_id, decision_id, entra_tenant_id, entra_object_id, event, old_contact_id, old_client_id,
        linked_at, new_contact_id, new_client_id, decided_by, run_id, at)
    SELECT @tenant, r.decision_id, @directory, r.object_id, 'relinked', r.contact_id, r.old_client_id, r.linked_at, r.new_contact_id, @client,
           (SELECT o.decided_by FROM orphan_decisions o WHERE o.id = r.decision_id), @run, @now
    FROM released r WHERE r.n > @after AND r.n <= @up_to ORDER BY r.n
)
UPDATE contacts c
SET entra_tenant_id = NULL, entra_object_id = NULL, entra_sync_source = NULL, last_entra_sync_at = NULL, entra_user_principal_name = NULL,
    entra_account_enabled = NULL, entra_sync_status = NULL, entra_sync_status_reason = NULL, version = c.version + 1, updated_at = @now
WHERE c.ctid = ANY (ARRAY(
    SELECT c.place FROM released r CROSS JOIN LATERAL (SELECT c.ctid AS place FROM contacts c WHERE c.id = r.contact_id LIMIT 1) c
    WHERE r.n > @after AND r.n <= @up_to AND r.freed));
