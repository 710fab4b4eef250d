-- name: match_names
-- The names of those who hit one contact that nobody has, by an alias alone.
SELECT m.n, s.full_name, c.full_name
FROM match m
CROSS JOIN LATERAL (SELECT s.full_name FROM stage s WHERE s.n = m.n LIMIT 1) s
CROSS JOIN LATERAL (SELECT c.full_name FROM contacts c WHERE c.id = m.contact_id LIMIT 1) c
WHERE m.n > @after AND m.n <= @up_to AND m.alias AND m.hits = 1 AND NOT m.taken AND NOT m.inactive;
