-- name: tally_filtered
-- A disabled account that is linked is inactivated or unchanged, not filtered. Identities of
-- orphaned links wait for a person.
-- The look-ups of this file and its neighbours are lateral with a limit on purpose: tables that
-- were never analysed look tiny under row-level security, and joins would go quadratic.
SELECT s.verdict, count(*)
FROM stage s
LEFT JOIN LATERAL (
    SELECT l.client_id FROM entra_contact_links l
    WHERE l.entra_tenant_id = @directory AND l.entra_object_id = s.object_id AND l.ended_at IS NULL AND l.relink_client_id IS DISTINCT FROM @relink_client::uuid
    LIMIT 1
) l ON true
WHERE s.n > @after AND s.n <= @up_to AND s.failure IS NULL AND s.verdict IS NOT NULL
  AND (l.client_id IS NULL OR s.verdict <> 'account_disabled' AND l.client_id = @client)
GROUP BY s.verdict;
