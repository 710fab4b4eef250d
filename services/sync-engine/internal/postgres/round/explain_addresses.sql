-- name: explain_addresses
-- The addresses by which contacts were looked for, in order, with those that they found; see queue.
SELECT a.address, COALESCE(c.id::text, ''), COALESCE(c.full_name, ''), COALESCE(c.email, ''), COALESCE(c.inactive, false), COALESCE(l.entra_object_id, '')
FROM address a
LEFT JOIN LATERAL (
    SELECT c.id, c.full_name, c.email, c.inactive, c.entra_tenant_id, c.entra_object_id
    FROM contacts c
    WHERE c.email_norm = a.address AND c.client_id IS NOT DISTINCT FROM @client::uuid AND NOT c.deleted
    ORDER BY c.id LIMIT 50
) c ON true
LEFT JOIN LATERAL (
    SELECT l.entra_object_id FROM entra_contact_links l
    WHERE l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = c.entra_object_id AND l.ended_at IS NULL
      AND (l.entra_tenant_id, l.entra_object_id) <> (@directory, @object_id)
    LIMIT 1
) l ON true
WHERE a.n = @n
ORDER BY a.ord, c.id;
