-- name: ApplyOrphans
-- Links made under another client wait for a person; mapped back, they take up again.
-- $1 directory, $2 client
UPDATE entra_contact_links l
SET status = CASE WHEN l.client_id <> $2 THEN 'orphaned' ELSE COALESCE(c.entra_sync_status, 'active') END
FROM contacts c
WHERE l.entra_tenant_id = $1 AND c.id = l.contact_id AND (l.client_id <> $2) <> (l.status = 'orphaned')
  AND (l.client_id <> $2 OR c.entra_tenant_id = l.entra_tenant_id AND c.entra_object_id = l.entra_object_id);
