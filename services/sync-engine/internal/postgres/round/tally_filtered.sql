-- name: TallyFiltered
-- A disabled account that is linked is inactivated or unchanged, not filtered. Identities of
-- orphaned links wait for a person.
-- The look-ups of this file and its neighbours are lateral with a limit on purpose: tables that
-- were never analysed look tiny under row-level security, and joins would go quadratic.
-- $1 directory, $2 client, $3 the client whose links to be relinked count as none, $4 after n, $5 up to n
SELECT s.verdict, count(*)
FROM stage s
LEFT JOIN LATERAL (
    SELECT l.client_id FROM entra_contact_links l
    WHERE l.entra_tenant_id = $1 AND l.entra_object_id = s.object_id AND l.ended_at IS NULL AND l.relink_client_id IS DISTINCT FROM $3::uuid
    LIMIT 1
) l ON true
WHERE s.n > $4 AND s.n <= $5 AND s.failure IS NULL AND s.verdict IS NOT NULL
  AND (l.client_id IS NULL OR s.verdict <> 'account_disabled' AND l.client_id = $2)
GROUP BY s.verdict;
