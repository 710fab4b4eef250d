-- name: match_named
UPDATE match SET named = true WHERE n > @after AND n <= @up_to AND n = ANY (@ns::integer[]);
