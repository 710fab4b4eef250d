-- name: host_changed
-- Identities of the directory whose contacts others than rounds wrote since the last one, by the
-- change feed. A contact that was moved or deleted is still shown as the identity's.
SELECT DISTINCT c.entra_object_id
FROM (
    SELECT DISTINCT f.contact_id FROM contact_changes f WHERE f.seq > @since AND f.source <> 'sync'
) f
CROSS JOIN LATERAL (
    SELECT c.entra_object_id FROM contacts c WHERE c.id = f.contact_id AND c.entra_tenant_id = @directory LIMIT 1
) c
LIMIT @limit;
