-- name: NextRange
SELECT max(n), count(*) FROM (SELECT n FROM plan WHERE n > $1 ORDER BY n LIMIT $2) r;
