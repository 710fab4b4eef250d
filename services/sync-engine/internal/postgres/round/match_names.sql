-- name: match_names
-- The names of those whose match depends on them: they hit an active contact that nobody has by an
-- alias alone, or by an address of their own one whose account was deleted, and perhaps made again.
SELECT m.n, s.full_name, c.full_name
FROM match m
CROSS JOIN LATERAL (SELECT s.full_name FROM stage s WHERE s.n = m.n LIMIT 1) s
CROSS JOIN LATERAL (SELECT c.full_name FROM contacts c WHERE c.id = m.contact_id LIMIT 1) c
WHERE m.n > @after AND m.n <= @up_to AND m.hits = 1
  AND CASE WHEN m.alias THEN NOT m.taken AND NOT m.inactive ELSE m.taken AND m.gone END;
