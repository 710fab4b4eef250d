-- name: queue
SELECT p.n, s.object_id, s.upn, s.full_name, s.email, p.reason, s.addresses, s.phone, s.role, s.enabled, s.licences, s.user_type,
       found.candidates, sharing.peers
FROM plan p
JOIN stage s ON s.n = p.n
CROSS JOIN LATERAL (
    SELECT COALESCE(jsonb_agg(jsonb_build_object('contactId', x.id, 'fullName', x.full_name, 'email', x.email, 'inactive', x.inactive,
                                                 'linkedTo', x.linked_to, 'linkedState', x.linked_state, 'linkedUpn', x.linked_upn) ORDER BY x.id), '[]') AS candidates
    FROM (
        SELECT c.id, c.full_name, c.email, c.inactive, COALESCE(l.entra_object_id, '') AS linked_to,
               CASE WHEN l.entra_object_id IS NULL THEN ''
                    WHEN l.status = 'orphaned' THEN 'orphaned'
                    WHEN l.gone_at IS NOT NULL OR c.entra_sync_status_reason = 'deleted_upstream' THEN 'deleted'
                    WHEN NOT c.entra_account_enabled OR c.entra_sync_status_reason = 'disabled_upstream' THEN 'disabled'
                    ELSE 'active' END AS linked_state,
               CASE WHEN l.entra_object_id IS NULL THEN '' ELSE COALESCE(c.entra_user_principal_name, '') END AS linked_upn
        FROM (
            SELECT c.id, c.full_name, c.email, c.inactive, c.entra_tenant_id, c.entra_object_id, c.entra_sync_status_reason, c.entra_account_enabled,
                   c.entra_user_principal_name
            FROM contacts c
            WHERE c.client_id IS NOT DISTINCT FROM @client::uuid AND NOT c.deleted AND c.email_norm = (
                SELECT a.address FROM address a
                WHERE a.n = p.n AND EXISTS (
                    SELECT FROM contacts h WHERE h.email_norm = a.address AND h.client_id IS NOT DISTINCT FROM @client::uuid AND NOT h.deleted OFFSET 0)
                ORDER BY a.ord LIMIT 1)
            OFFSET 0
        ) c
        LEFT JOIN entra_contact_links l ON l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = c.entra_object_id AND l.ended_at IS NULL
            AND l.entra_object_id <> s.object_id
        ORDER BY c.id LIMIT 50
    ) x
) found
-- Which other identities of the directory have one of the addresses that it shares, by their ids.
CROSS JOIN LATERAL (
    SELECT COALESCE(jsonb_agg(jsonb_build_object('objectId', x.object_id, 'upn', x.upn, 'name', x.full_name, 'enabled', x.enabled,
                                                 'licences', x.licences, 'type', x.user_type) ORDER BY x.object_id), '[]') AS peers
    FROM (
        SELECT DISTINCT o.object_id, o.upn, o.full_name, o.enabled, o.licences, o.user_type
        FROM duplicate d
        CROSS JOIN LATERAL (SELECT e.n FROM duplicate e WHERE e.address = d.address AND e.n <> d.n LIMIT 21) e
        CROSS JOIN LATERAL (SELECT o.object_id, o.upn, o.full_name, o.enabled, o.licences, o.user_type FROM stage o WHERE o.n = e.n LIMIT 1) o
        WHERE d.n = p.n
        ORDER BY o.object_id LIMIT 20
    ) x
) sharing
WHERE p.n > @after AND p.action = 'queue'
ORDER BY p.n LIMIT @limit;
