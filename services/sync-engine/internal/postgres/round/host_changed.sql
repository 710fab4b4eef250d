-- name: host_changed
-- Identities of the directory whose contacts were written since the last round by others than rounds;
-- where they are asked for, those that the last round linked (both by the change feed); and those about
-- which a person took a decision back. A contact that was moved is still shown as the identity's; whose a
-- deleted one was, the link's history knows. Entries of other clients are many more: of those only moves and
-- deletions are looked at, and whatever else happens to a contact at the client that it moved to is that
-- client's.
SELECT DISTINCT i.entra_object_id
FROM (
    SELECT DISTINCT f.contact_id FROM contact_changes f
    WHERE f.seq > @since AND (f.client_id = @client OR 'clientId' = ANY (f.fields) OR f.type = 'contact.deleted')
      AND (f.source <> 'sync' OR @with_linked AND f.type = 'contact.linked')
) f
CROSS JOIN LATERAL (
    SELECT c.entra_object_id FROM contacts c WHERE c.id = f.contact_id AND c.entra_tenant_id = @directory
    UNION ALL
    SELECT h.entra_object_id FROM entra_contact_link_history h
    WHERE h.old_contact_id = f.contact_id AND h.entra_tenant_id = @directory AND h.event = 'contact_deleted'
) i
UNION
SELECT r.entra_object_id FROM identity_resolutions r WHERE r.entra_tenant_id = @directory AND r.undone_seq > @since
LIMIT @limit;
