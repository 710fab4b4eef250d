-- name: queue
SELECT p.n, s.object_id, s.upn, s.full_name, s.email, p.reason, s.addresses, s.phone, s.role, s.enabled, found.candidates
FROM plan p
JOIN stage s ON s.n = p.n
CROSS JOIN LATERAL (
    SELECT COALESCE(jsonb_agg(jsonb_build_object('contactId', x.id, 'fullName', x.full_name, 'email', x.email, 'inactive', x.inactive,
                                                 'linkedTo', x.linked_to) ORDER BY x.id), '[]') AS candidates
    FROM (
        SELECT c.id, c.full_name, c.email, c.inactive, COALESCE(l.entra_object_id, '') AS linked_to
        FROM (
            SELECT c.id, c.full_name, c.email, c.inactive, c.entra_tenant_id, c.entra_object_id
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
WHERE p.n > @after AND p.action = 'queue'
ORDER BY p.n LIMIT @limit;
