-- name: ApplyReleased
-- What the links were becomes history, and the old contacts, which stay at their clients, are no
-- longer shown as linked.
-- $1 tenant, $2 directory, $3 client, $4 after n, $5 up to n, $6 now, $7 run
WITH history AS (
    INSERT INTO entra_contact_link_history (tenant_id, decision_id, entra_tenant_id, entra_object_id, event, old_contact_id, old_client_id,
        linked_at, new_contact_id, new_client_id, decided_by, run_id, at)
    SELECT $1, r.decision_id, $2, r.object_id, 'relinked', r.contact_id, r.old_client_id, r.linked_at, r.new_contact_id, $3,
           (SELECT o.decided_by FROM orphan_decisions o WHERE o.id = r.decision_id), $7, $6
    FROM released r WHERE r.n > $4 AND r.n <= $5 ORDER BY r.n
)
UPDATE contacts c
SET entra_tenant_id = NULL, entra_object_id = NULL, entra_sync_source = NULL, last_entra_sync_at = NULL, entra_user_principal_name = NULL,
    entra_account_enabled = NULL, entra_sync_status = NULL, entra_sync_status_reason = NULL, version = c.version + 1, updated_at = $6
WHERE c.id = ANY (ARRAY(SELECT r.contact_id FROM released r WHERE r.n > $4 AND r.n <= $5 AND r.freed));
