-- name: planned
SELECT action, COALESCE(reason, ''), count(*) FILTER (WHERE visible), count(*) FROM plan WHERE n > @after AND n <= @up_to GROUP BY action, reason;
