-- name: orphans_end
-- Ends links: the identities are new to the client that is mapped. A contact that has gone over to
-- another identity shows that one and keeps its markers. Rows are found again by their place, as
-- in mapping_range.
WITH due AS MATERIALIZED (
    SELECT l.ctid AS place, l.entra_object_id AS object_id, c.mine
    FROM entra_contact_links l
    CROSS JOIN LATERAL (
        SELECT COALESCE(c.entra_tenant_id = l.entra_tenant_id AND c.entra_object_id = l.entra_object_id, false) AS mine
        FROM contacts c WHERE c.id = l.contact_id LIMIT 1
    ) c
    WHERE l.entra_tenant_id = @directory AND l.entra_object_id > @after_id AND l.entra_object_id <= @up_to_id AND l.status = 'orphaned' AND l.ended_at IS NULL
), ended AS (
    UPDATE entra_contact_links l
    SET ended_at = @now::timestamptz, relink_client_id = NULL, relink_decision_id = NULL
    FROM due d
    WHERE l.ctid = d.place
    RETURNING d.object_id, l.contact_id, l.client_id, l.created_at, d.mine
), history AS (
    INSERT INTO entra_contact_link_history (tenant_id, decision_id, entra_tenant_id, entra_object_id, event, old_contact_id, old_client_id,
        linked_at, decided_by, at)
    SELECT @tenant, @decision, @directory, e.object_id, 'ended', e.contact_id, e.client_id, e.created_at, @decided_by, @now
    FROM ended e ORDER BY e.object_id
), freed AS (
    UPDATE contacts c
    SET entra_tenant_id = NULL, entra_object_id = NULL, entra_sync_source = NULL, last_entra_sync_at = NULL, entra_user_principal_name = NULL,
        entra_account_enabled = NULL, entra_sync_status = NULL, entra_sync_status_reason = NULL, version = c.version + 1, updated_at = @now
    FROM ended e
    WHERE c.id = e.contact_id AND e.mine
    RETURNING c.id, c.client_id, c.version, e.object_id
), counted AS (
    SELECT count(*) AS k FROM freed
), head AS (
    INSERT INTO feed_heads (tenant_id, seq, at) SELECT @tenant, k, @at::timestamptz FROM counted WHERE k > 0
    ON CONFLICT (tenant_id) DO UPDATE SET seq = feed_heads.seq + EXCLUDED.seq, at = GREATEST(feed_heads.at, EXCLUDED.at)
    RETURNING seq, at
), fed AS (
    INSERT INTO contact_changes (tenant_id, seq, type, source, contact_id, client_id, version, fields, at)
    SELECT @tenant, head.seq - counted.k + row_number() OVER (ORDER BY f.object_id), 'contact.updated', 'person', f.id, f.client_id, f.version,
           ARRAY['entraObjectId', 'linkStatus'], head.at
    FROM freed f CROSS JOIN head CROSS JOIN counted
    ORDER BY f.object_id
)
SELECT count(*) FROM ended;
