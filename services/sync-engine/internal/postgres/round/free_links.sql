-- name: free_links
-- Whether the directory has links that a person ended, and whether any wait to be relinked.
SELECT EXISTS (SELECT FROM entra_contact_links l WHERE l.entra_tenant_id = @directory AND (l.ended_at IS NOT NULL OR l.relink_client_id IS NOT NULL)),
       EXISTS (SELECT FROM entra_contact_links l
               WHERE l.entra_tenant_id = @directory AND (l.ended_at IS NOT NULL OR l.relink_client_id IS NOT NULL) AND l.relink_client_id = @relink_client);
