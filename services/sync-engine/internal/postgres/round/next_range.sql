-- name: next_range
SELECT max(n), count(*) FROM (SELECT n FROM plan WHERE n > @after ORDER BY n LIMIT @limit) r;
