-- name: free_links
-- Whether the directory has links that a person ended, whether any wait to be relinked, whether a
-- person has kept any active, and whether its listing may be empty.
SELECT EXISTS (SELECT FROM entra_contact_links l WHERE l.entra_tenant_id = @directory AND (l.ended_at IS NOT NULL OR l.relink_client_id IS NOT NULL)),
       EXISTS (SELECT FROM entra_contact_links l
               WHERE l.entra_tenant_id = @directory AND (l.ended_at IS NOT NULL OR l.relink_client_id IS NOT NULL) AND l.relink_client_id = @relink_client),
       EXISTS (SELECT FROM rejected_inactivations j WHERE j.entra_tenant_id = @directory),
       EXISTS (SELECT FROM approved_listings a WHERE a.entra_tenant_id = @directory);
