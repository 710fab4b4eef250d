-- name: prepare_changes
-- Of one identity the last change counts. Identities that left go from the stage into a table of their own.
CREATE UNIQUE INDEX IF NOT EXISTS stage_n ON stage (n);
ANALYZE stage (n, object_id);
INSERT INTO repeated (object_id, first, more, conflicting)
SELECT object_id, max(n), count(*) - 1, false
FROM stage WHERE object_id <> ''
GROUP BY object_id HAVING count(*) > 1;
DELETE FROM stage s USING repeated r WHERE s.object_id = r.object_id AND s.n <> r.first;
INSERT INTO removed (n, object_id) SELECT n, object_id FROM stage WHERE removed;
DELETE FROM stage WHERE removed;
CREATE INDEX IF NOT EXISTS stage_left_out ON stage (n) WHERE failure IS NOT NULL OR verdict IS NOT NULL;
