-- name: kept_failures
-- The failures among kept identities of which the list of changes says nothing.
SELECT k.entra_object_id, k.failure
FROM kept_identities k
LEFT JOIN LATERAL (SELECT true AS found FROM stage s WHERE s.object_id = k.entra_object_id LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT true AS found FROM removed r WHERE r.object_id = k.entra_object_id LIMIT 1) r ON true
WHERE k.entra_tenant_id = @directory AND k.failure IS NOT NULL AND s.found IS NULL AND r.found IS NULL
ORDER BY k.entra_object_id LIMIT 100;
