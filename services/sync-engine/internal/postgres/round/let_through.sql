-- name: let_through
-- Marks the range's inactivations that were held in an earlier run and that a person has approved.
UPDATE plan p SET approved = true
WHERE p.n > @after AND p.n <= @up_to AND p.action = 'inactivate' AND EXISTS (
    SELECT FROM held_identities h
    WHERE h.run_id = @approved AND h.managed_tenant_id = @managed_tenant AND h.entra_object_id = p.object_id OFFSET 0);
