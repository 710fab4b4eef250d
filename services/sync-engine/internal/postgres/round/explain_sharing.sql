-- name: explain_sharing
-- Which other identities that were staged have one of the addresses; found by sorting, as decide_duplicates.
SELECT DISTINCT CASE s.upn WHEN '' THEN s.object_id ELSE s.upn END
FROM (SELECT n, bool_or(n = @n) OVER (PARTITION BY address) AS shared FROM address) a
CROSS JOIN LATERAL (SELECT s.upn, s.object_id FROM stage s WHERE s.n = a.n LIMIT 1) s
WHERE a.shared AND a.n <> @n
ORDER BY 1 LIMIT 20;
