-- name: match_taken_over
UPDATE match SET named = true
WHERE n > @after AND n <= @up_to AND n = ANY (@ns::integer[]) AND (SELECT true FROM takeover t WHERE t.n = match.n LIMIT 1);
