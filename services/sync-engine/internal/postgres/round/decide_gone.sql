-- name: decide_gone
-- Linked identities of the range that a complete listing lacks. They are numbered after those before.
INSERT INTO plan (n, action, visible, object_id, contact_id, reason)
SELECT @last::integer + row_number() OVER (ORDER BY g.object_id), g.action,
       g.action = 'inactivate' AND NOT g.inactive, g.object_id, g.contact_id, 'deleted_upstream'
FROM (
    SELECT l.entra_object_id AS object_id, c.id AS contact_id, c.inactive,
           CASE WHEN @inactivate AND NOT c.deleted AND c.entra_tenant_id = l.entra_tenant_id AND c.entra_object_id = l.entra_object_id
                     AND COALESCE(NULLIF(l.status, 'orphaned'), c.entra_sync_status, 'active') = 'active'
                THEN 'inactivate'
                WHEN l.gone_at IS NULL THEN 'missing' END AS action
    FROM (
        SELECT l.entra_tenant_id, l.entra_object_id, l.contact_id, l.status, l.gone_at
        FROM entra_contact_links l
        LEFT JOIN LATERAL (SELECT true AS found FROM stage s WHERE s.object_id = l.entra_object_id LIMIT 1) s ON true
        WHERE l.entra_tenant_id = @directory AND l.client_id = @client AND l.entra_object_id > @after_id AND l.entra_object_id <= @up_to_id AND l.ended_at IS NULL
          AND s.found IS NULL
        OFFSET 0
    ) l
    CROSS JOIN LATERAL (
        SELECT c.id, c.inactive, c.deleted, c.entra_tenant_id, c.entra_object_id, c.entra_sync_status
        FROM contacts c WHERE c.id = l.contact_id LIMIT 1
    ) c
) g
WHERE g.action IS NOT NULL;
