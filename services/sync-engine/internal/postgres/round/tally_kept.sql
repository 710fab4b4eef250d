-- name: tally_kept
-- How many identities of the directory are kept for a filter or a failure.
SELECT COALESCE(k.failure, ''), COALESCE(k.verdict, ''), k.linked, count(*)
FROM kept_identities k
WHERE k.entra_tenant_id = @directory AND (k.failure IS NOT NULL OR k.verdict IS NOT NULL)
GROUP BY 1, 2, 3;
