-- name: tally
-- How many of those that were staged came again, left, failed, are hit by a filter, and may be anybody.
SELECT (SELECT COALESCE(sum(r.more), 0) FROM repeated r), (SELECT count(*) FROM removed), count(*) FILTER (WHERE failure IS NOT NULL),
       count(*) FILTER (WHERE failure IS NULL), count(*) FILTER (WHERE nameless)
FROM stage WHERE failure IS NOT NULL OR verdict IS NOT NULL;
