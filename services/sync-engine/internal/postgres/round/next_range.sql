-- name: next_range
-- Up to which number the next range goes, with how many rows of the plan, and the plan's last number: so
-- many rows at most, and so many numbers, since all identities between them may have to be decided again.
SELECT CASE WHEN r.planned = @limit THEN r.up_to ELSE LEAST(@after + @numbers, l.last) END, r.planned, l.last
FROM (SELECT max(n) AS last FROM plan WHERE n > @after) l
CROSS JOIN LATERAL (
    SELECT max(n) AS up_to, count(*) AS planned
    FROM (SELECT n FROM plan WHERE n > @after AND n <= @after + @numbers ORDER BY n LIMIT @limit) p
) r
WHERE l.last IS NOT NULL;
