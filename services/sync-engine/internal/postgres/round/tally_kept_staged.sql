-- name: tally_kept_staged
-- How many of those kept for a filter or a failure this range has.
SELECT COALESCE(k.failure, ''), COALESCE(k.verdict, ''), k.linked, count(*)
FROM (
    SELECT s.object_id FROM stage s WHERE s.n > @after AND s.n <= @up_to
    UNION ALL
    SELECT r.object_id FROM removed r WHERE r.n > @after AND r.n <= @up_to
) i
CROSS JOIN LATERAL (
    SELECT k.failure, k.verdict, k.linked FROM kept_identities k
    WHERE k.entra_tenant_id = @directory AND k.entra_object_id = i.object_id AND (k.failure IS NOT NULL OR k.verdict IS NOT NULL)
    LIMIT 1
) k
GROUP BY 1, 2, 3;
