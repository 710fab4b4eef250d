-- name: apply_release
-- Before links go to their new contacts: which contacts they had, and whether those still show the
-- identity.
INSERT INTO released (n, object_id, new_contact_id, contact_id, old_client_id, linked_at, decision_id, client_id, freed)
SELECT p.n, p.object_id, p.contact_id, l.contact_id, l.client_id, l.created_at, l.relink_decision_id, c.client_id,
       c.mine AND l.contact_id <> p.contact_id
FROM plan p
CROSS JOIN LATERAL (
    SELECT l.contact_id, l.client_id, l.created_at, l.relink_decision_id
    FROM entra_contact_links l
    WHERE l.entra_tenant_id = @directory AND l.entra_object_id = p.object_id AND l.relink_client_id = @client
    LIMIT 1
) l
CROSS JOIN LATERAL (
    SELECT c.client_id, COALESCE(c.entra_tenant_id = @directory AND c.entra_object_id = p.object_id, false) AS mine
    FROM contacts c WHERE c.id = l.contact_id LIMIT 1
) c
WHERE p.n > @after AND p.n <= @up_to AND p.action IN ('create', 'link');
