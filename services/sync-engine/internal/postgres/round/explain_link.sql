-- name: explain_link
-- The identity's link, if it has one that counts, and its contact.
SELECT l.contact_id::text, l.client_id::text, l.status, l.created_at,
       c.full_name, c.email, c.phone, c.role, c.sign_in_name, c.deleted,
       COALESCE(c.entra_tenant_id = l.entra_tenant_id AND c.entra_object_id = l.entra_object_id, false)
FROM entra_contact_links l
CROSS JOIN LATERAL (
    SELECT c.full_name, c.email, c.phone, c.role, c.sign_in_name, c.deleted, c.entra_tenant_id, c.entra_object_id
    FROM contacts c WHERE c.id = l.contact_id LIMIT 1
) c
WHERE l.entra_tenant_id = @directory AND l.entra_object_id = @object_id AND l.ended_at IS NULL AND l.relink_client_id IS DISTINCT FROM @relink_client::uuid;
