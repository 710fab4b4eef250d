-- name: rejected_plan
-- Of the range's inactivations, those that a person has rejected for the same reason: what is left is
-- that the identity is gone or what its metadata say. hold_known runs after it.
UPDATE plan p SET action = CASE p.reason WHEN 'deleted_upstream' THEN 'missing' ELSE 'touch' END, visible = false
WHERE p.n > @after AND p.n <= @up_to AND p.action = 'inactivate' AND EXISTS (
    SELECT FROM rejected_inactivations j
    WHERE j.entra_tenant_id = @directory AND j.entra_object_id = p.object_id AND j.reason = p.reason OFFSET 0);
