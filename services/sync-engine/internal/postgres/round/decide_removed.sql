-- name: decide_removed
-- As decide_gone, for linked identities that a list of changes says have left the directory, and for those of
-- redecide_removed.
INSERT INTO plan (n, action, visible, object_id, contact_id, reason)
SELECT @last::integer + g.n, g.action, g.action = 'inactivate' AND NOT g.inactive, g.object_id, g.contact_id, 'deleted_upstream'
FROM (
    SELECT r.n, r.object_id, c.id AS contact_id, c.inactive,
           CASE WHEN l.client_id <> @client THEN CASE WHEN l.gone_at IS NULL THEN 'absent' END
                WHEN t.found IS NULL AND @inactivate AND NOT c.deleted AND c.entra_tenant_id = l.entra_tenant_id AND c.entra_object_id = l.entra_object_id
                     AND COALESCE(NULLIF(l.status, 'orphaned'), c.entra_sync_status, 'active') = 'active'
                THEN 'inactivate'
                WHEN t.found OR l.gone_at IS NULL THEN 'missing' END AS action
    FROM removed r
    CROSS JOIN LATERAL (
        SELECT l.entra_tenant_id, l.entra_object_id, l.contact_id, l.client_id, l.status, l.gone_at
        FROM entra_contact_links l
        WHERE l.entra_tenant_id = @directory AND l.entra_object_id = r.object_id AND l.ended_at IS NULL
          AND l.relink_client_id IS DISTINCT FROM @relink_client::uuid
        LIMIT 1
    ) l
    CROSS JOIN LATERAL (
        SELECT c.id, c.inactive, c.deleted, c.entra_tenant_id, c.entra_object_id, c.entra_sync_status
        FROM contacts c WHERE c.id = l.contact_id LIMIT 1
    ) c
    LEFT JOIN LATERAL (SELECT true AS found FROM takeover t WHERE t.holder = l.entra_object_id LIMIT 1) t ON true
    WHERE r.n > @after AND r.n <= @up_to
) g
WHERE g.action IS NOT NULL;
