-- name: explain_sharing
-- Who else of those that were staged has one of the addresses.
SELECT DISTINCT CASE s.upn WHEN '' THEN s.object_id ELSE s.upn END
FROM address a
JOIN address b ON b.address = a.address AND b.n <> a.n
CROSS JOIN LATERAL (SELECT s.upn, s.object_id FROM stage s WHERE s.n = b.n LIMIT 1) s
WHERE a.n = @n
ORDER BY 1 LIMIT 20;
