-- name: redecide_gone
-- Contacts moved while the round decided: drop what no longer holds. A contact may have been deleted,
-- or have gone over to another identity.
DELETE FROM plan p
WHERE p.n > @after AND p.n <= @up_to AND p.reason = 'deleted_upstream' AND p.action = 'inactivate'
  AND (SELECT c.deleted OR (c.entra_tenant_id, c.entra_object_id) IS DISTINCT FROM (@directory, p.object_id)
       FROM contacts c WHERE c.id = p.contact_id LIMIT 1);
