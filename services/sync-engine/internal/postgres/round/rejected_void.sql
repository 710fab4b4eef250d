-- name: rejected_void
-- Upstream has changed the range's identities that are listed and not disabled: what was rejected about
-- them is void.
DELETE FROM rejected_inactivations
WHERE entra_tenant_id = @directory AND entra_object_id = ANY (ARRAY(
    SELECT p.object_id FROM plan p JOIN stage s ON s.n = p.n
    WHERE p.n > @after AND p.n <= @up_to AND s.failure IS NULL AND s.verdict IS DISTINCT FROM 'account_disabled'));
