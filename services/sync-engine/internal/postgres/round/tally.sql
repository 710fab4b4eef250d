-- name: tally
-- How many of the records that were staged came again, left, failed, are hit by a filter, and may be of
-- any identity, since their id is not sure.
SELECT (SELECT COALESCE(sum(r.more), 0) FROM repeated r), (SELECT count(*) FROM removed), count(*) FILTER (WHERE failure IS NOT NULL),
       count(*) FILTER (WHERE failure IS NULL), count(*) FILTER (WHERE nameless)
FROM stage WHERE failure IS NOT NULL OR verdict IS NOT NULL;
