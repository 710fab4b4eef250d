-- name: Planned
SELECT action, COALESCE(reason, ''), count(*) FILTER (WHERE visible), count(*) FROM plan WHERE n > $1 AND n <= $2 GROUP BY action, reason;
