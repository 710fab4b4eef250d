-- name: known_staged
-- What this round's list of changes last said of these.
SELECT i.id, s.removed, s.properties
FROM unnest(@ids::text[]) AS i (id)
CROSS JOIN LATERAL (SELECT s.removed, s.properties FROM stage s WHERE s.object_id = i.id ORDER BY s.n DESC LIMIT 1) s;
