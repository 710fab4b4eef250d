-- name: ApplyRelease
-- Before a link goes to its new contact: what it was becomes history, and the old contact, which
-- stays at its client, is no longer shown as linked.
-- $1 tenant, $2 directory, $3 client, $4 after n, $5 up to n, $6 now, $7 run
WITH due AS MATERIALIZED (
    SELECT p.n, p.object_id, p.contact_id AS new_contact_id, l.contact_id, l.client_id, l.created_at, l.relink_decision_id, c.mine, c.at_client
    FROM plan p
    CROSS JOIN LATERAL (
        SELECT l.contact_id, l.client_id, l.created_at, l.relink_decision_id, l.entra_tenant_id
        FROM entra_contact_links l
        WHERE l.entra_tenant_id = $2 AND l.entra_object_id = p.object_id AND l.relink_client_id = $3
        LIMIT 1
    ) l
    CROSS JOIN LATERAL (
        SELECT c.client_id AS at_client, COALESCE(c.entra_tenant_id = $2 AND c.entra_object_id = p.object_id, false) AS mine
        FROM contacts c WHERE c.id = l.contact_id LIMIT 1
    ) c
    WHERE p.n > $4 AND p.n <= $5 AND p.action IN ('create', 'link')
), history AS (
    INSERT INTO entra_contact_link_history (tenant_id, decision_id, entra_tenant_id, entra_object_id, event, old_contact_id, old_client_id,
        linked_at, new_contact_id, new_client_id, decided_by, run_id, at)
    SELECT $1, d.relink_decision_id, $2, d.object_id, 'relinked', d.contact_id, d.client_id, d.created_at, d.new_contact_id, $3,
           (SELECT o.decided_by FROM orphan_decisions o WHERE o.id = d.relink_decision_id), $7, $6
    FROM due d ORDER BY d.n
), freed AS (
    UPDATE contacts c
    SET entra_tenant_id = NULL, entra_object_id = NULL, entra_sync_source = NULL, last_entra_sync_at = NULL, entra_user_principal_name = NULL,
        entra_account_enabled = NULL, entra_sync_status = NULL, entra_sync_status_reason = NULL, version = c.version + 1, updated_at = $6
    FROM due d
    WHERE c.id = d.contact_id AND d.mine AND d.contact_id <> d.new_contact_id
    RETURNING d.n, c.id, c.client_id
)
INSERT INTO released (n, contact_id, client_id) SELECT n, id, client_id FROM freed;
