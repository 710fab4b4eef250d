-- name: match_names
-- The names of the identities whose decision may depend on them: those that hit one contact without an
-- identity, by an alias alone; and those that hit, by an address of their own, the contact of another
-- identity of the directory.
SELECT m.n, s.full_name, c.full_name, m.taken
FROM match m
CROSS JOIN LATERAL (SELECT s.full_name FROM stage s WHERE s.n = m.n LIMIT 1) s
CROSS JOIN LATERAL (SELECT c.full_name FROM contacts c WHERE c.id = m.contact_id LIMIT 1) c
WHERE m.n > @after AND m.n <= @up_to AND m.hits = 1
  AND (m.alias AND NOT m.taken AND NOT m.inactive OR m.taken AND NOT m.alias AND m.holder IS NOT NULL);
