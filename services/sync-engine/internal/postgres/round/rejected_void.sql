-- name: rejected_void
-- Upstream has changed the range's identities that are listed and not disabled: what was rejected about
-- them is void, also where nothing is planned for them.
DELETE FROM rejected_inactivations
WHERE entra_tenant_id = @directory AND entra_object_id = ANY (ARRAY(
    SELECT s.object_id FROM stage s
    WHERE s.n > @after AND s.n <= @up_to AND s.failure IS NULL AND s.verdict IS DISTINCT FROM 'account_disabled'));
