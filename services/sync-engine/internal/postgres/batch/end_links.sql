-- name: batch_end_links
-- Links end with their contacts, which are about to be deleted and show them still: the identities are
-- decided about anew. A contact that has gone over to another identity ends that one's. The rows are found
-- again by their place, as in mapping_range.
WITH due AS MATERIALIZED (
    SELECT l.place, l.entra_tenant_id, l.entra_object_id, l.contact_id, l.client_id, l.created_at
    FROM contacts c
    CROSS JOIN LATERAL (
        SELECT l.ctid AS place, l.entra_tenant_id, l.entra_object_id, l.contact_id, l.client_id, l.created_at
        FROM entra_contact_links l
        WHERE l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = c.entra_object_id AND l.contact_id = c.id AND l.ended_at IS NULL
        LIMIT 1 FOR UPDATE
    ) l
    WHERE c.id = ANY (@ids)
), ended AS (
    UPDATE entra_contact_links l
    SET status = 'orphaned', ended_at = @now, relink_client_id = NULL, relink_decision_id = NULL
    WHERE l.ctid = ANY (ARRAY(SELECT d.place FROM due d))
)
INSERT INTO entra_contact_link_history (tenant_id, decision_id, entra_tenant_id, entra_object_id, event, old_contact_id, old_client_id,
    linked_at, decided_by, at)
SELECT @tenant, gen_random_uuid(), d.entra_tenant_id, d.entra_object_id, 'contact_deleted', d.contact_id, d.client_id, d.created_at,
    @decided_by, @now
FROM due d ORDER BY d.entra_tenant_id, d.entra_object_id;
