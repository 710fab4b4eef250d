-- name: prepare
-- One identity may come twice: the same content counts once, different content fails it.
CREATE UNIQUE INDEX IF NOT EXISTS stage_n ON stage (n);
ANALYZE stage (n, object_id);
INSERT INTO repeated (object_id, first, more, conflicting)
SELECT object_id, min(n), count(*) - 1, min(content) <> max(content)
FROM stage WHERE object_id <> ''
GROUP BY object_id HAVING count(*) > 1;
DELETE FROM stage s USING repeated r WHERE s.object_id = r.object_id AND s.n <> r.first;
UPDATE stage s SET failure = 'conflicting_duplicate', verdict = NULL FROM repeated r WHERE s.n = r.first AND r.conflicting;
CREATE INDEX IF NOT EXISTS stage_left_out ON stage (n) WHERE failure IS NOT NULL OR verdict IS NOT NULL;
