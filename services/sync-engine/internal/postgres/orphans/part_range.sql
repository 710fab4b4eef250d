-- name: PartRange
-- Parts what ends from what is to be relinked. Ending is for all when the links are left, else for
-- those whose identity or contact is known not to be carried over: disabled, gone or deleted, or a
-- contact that went over to another identity and tells of that person. Rows are found again by their
-- place, as in FollowRange.
-- $1 tenant, $2 directory, $3 decision, $4 client to relink under or null, $5 after this identity, $6 up to this one, $7 by whom, $8 now
WITH due AS MATERIALIZED (
    SELECT l.ctid AS place, l.entra_object_id AS object_id, l.contact_id, l.client_id, l.created_at, c.mine,
           $4::uuid IS NULL OR l.gone_at IS NOT NULL OR c.deleted OR NOT c.mine
               OR c.entra_sync_status IS NOT DISTINCT FROM 'inactive' OR c.entra_account_enabled IS FALSE AS ends
    FROM entra_contact_links l
    CROSS JOIN LATERAL (
        SELECT c.deleted, c.entra_sync_status, c.entra_account_enabled,
               COALESCE(c.entra_tenant_id = l.entra_tenant_id AND c.entra_object_id = l.entra_object_id, false) AS mine
        FROM contacts c WHERE c.id = l.contact_id LIMIT 1
    ) c
    WHERE l.entra_tenant_id = $2 AND l.entra_object_id > $5 AND l.entra_object_id <= $6 AND l.status = 'orphaned' AND l.ended_at IS NULL
      AND l.relink_decision_id IS DISTINCT FROM $3::uuid
), parted AS (
    UPDATE entra_contact_links l
    SET ended_at = CASE WHEN d.ends THEN $8::timestamptz END,
        relink_client_id = CASE WHEN NOT d.ends THEN $4::uuid END, relink_decision_id = CASE WHEN NOT d.ends THEN $3::uuid END
    FROM due d
    WHERE l.ctid = d.place
    RETURNING d.object_id, d.contact_id, d.client_id, d.created_at, d.mine, d.ends
), history AS (
    INSERT INTO entra_contact_link_history (tenant_id, decision_id, entra_tenant_id, entra_object_id, event, old_contact_id, old_client_id,
        linked_at, decided_by, at)
    SELECT $1, $3, $2, p.object_id, 'ended', p.contact_id, p.client_id, p.created_at, $7, $8
    FROM parted p WHERE p.ends ORDER BY p.object_id
), freed AS (
    UPDATE contacts c
    SET entra_tenant_id = NULL, entra_object_id = NULL, entra_sync_source = NULL, last_entra_sync_at = NULL, entra_user_principal_name = NULL,
        entra_account_enabled = NULL, entra_sync_status = NULL, entra_sync_status_reason = NULL, version = c.version + 1, updated_at = $8
    FROM parted p
    WHERE c.id = p.contact_id AND p.ends AND p.mine
    RETURNING c.id, c.client_id, p.object_id
), shown AS (
    SELECT id, client_id, row_number() OVER (ORDER BY object_id) AS k FROM freed
), counted AS (
    SELECT count(*) AS k FROM shown
), head AS (
    INSERT INTO feed_heads (tenant_id, seq) SELECT $1, k FROM counted WHERE k > 0
    ON CONFLICT (tenant_id) DO UPDATE SET seq = feed_heads.seq + EXCLUDED.seq
    RETURNING seq
), fed AS (
    INSERT INTO contact_changes (tenant_id, seq, type, source, contact_id, client_id, fields, at)
    SELECT $1, head.seq - counted.k + s.k, 'contact.updated', 'person', s.id, s.client_id, ARRAY['entraObjectId', 'linkStatus'], $8
    FROM shown s CROSS JOIN head CROSS JOIN counted
    ORDER BY s.k
)
SELECT count(*) FILTER (WHERE ends) FROM parted;
