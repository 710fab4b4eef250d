-- name: failures
SELECT object_id, failure FROM stage WHERE failure IS NOT NULL ORDER BY n LIMIT 100;
