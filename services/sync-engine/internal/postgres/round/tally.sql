-- name: tally
SELECT count(*), count(*) FILTER (WHERE failure IS NOT NULL), count(*) FILTER (WHERE failure IS NULL AND verdict IS NULL), count(*) FILTER (WHERE nameless)
FROM stage;
