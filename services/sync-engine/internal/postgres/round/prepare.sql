-- name: prepare
-- One identity may come twice: the same content counts once, different content fails it.
CREATE UNIQUE INDEX IF NOT EXISTS stage_n ON stage (n);
ANALYZE stage;
INSERT INTO repeated (object_id, first, conflicting)
SELECT object_id, min(n) AS first, min(content) <> max(content) AS conflicting
FROM stage WHERE object_id <> ''
GROUP BY object_id HAVING count(*) > 1;
DELETE FROM stage s USING repeated r WHERE s.object_id = r.object_id AND s.n <> r.first;
UPDATE stage s SET failure = 'conflicting_duplicate', verdict = NULL FROM repeated r WHERE s.n = r.first AND r.conflicting;
