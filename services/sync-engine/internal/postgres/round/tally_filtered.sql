-- name: TallyFiltered
-- A disabled account that is linked is inactivated or unchanged, not filtered. Identities of
-- orphaned links wait for a person.
SELECT s.verdict, count(*)
FROM stage s
LEFT JOIN entra_contact_links l ON l.entra_tenant_id = $1 AND l.entra_object_id = s.object_id
WHERE s.failure IS NULL AND s.verdict IS NOT NULL
  AND (l.entra_object_id IS NULL OR s.verdict <> 'account_disabled' AND l.client_id = $2)
GROUP BY s.verdict;
