-- name: decide_gone
-- Linked identities that a complete listing lacks. They are numbered after those that were staged. Where
-- another identity takes their contact over, and where their link is orphaned, it is only noted that they
-- are gone.
INSERT INTO plan (n, action, visible, object_id, contact_id, reason)
SELECT @last::integer + row_number() OVER (ORDER BY g.object_id), g.action,
       g.action = 'inactivate' AND NOT g.inactive, g.object_id, g.contact_id, 'deleted_upstream'
FROM (
    SELECT l.object_id, c.id AS contact_id, c.inactive,
           CASE WHEN NOT l.ours THEN CASE WHEN NOT l.gone THEN 'absent' END
                WHEN t.found IS NULL AND @inactivate AND NOT c.deleted AND c.entra_tenant_id = @directory AND c.entra_object_id = l.object_id
                     AND COALESCE(NULLIF(l.status, 'orphaned'), c.entra_sync_status, 'active') = 'active'
                THEN 'inactivate'
                WHEN t.found OR NOT l.gone THEN 'missing' END AS action
    FROM staged_link l
    CROSS JOIN LATERAL (
        SELECT c.id, c.inactive, c.deleted, c.entra_tenant_id, c.entra_object_id, c.entra_sync_status
        FROM contacts c WHERE c.id = l.contact_id LIMIT 1
    ) c
    LEFT JOIN LATERAL (SELECT true AS found FROM takeover t WHERE t.holder = l.object_id LIMIT 1) t ON true
    WHERE l.n IS NULL AND NOT l.waits
) g
WHERE g.action IS NOT NULL;
