-- name: redecide_removed
-- Identities of the range that are planned for as gone. Whether another one takes their contact over may
-- have changed with that one's addresses and matches.
INSERT INTO removed (n, object_id)
SELECT p.n - @last::integer, p.object_id FROM plan p WHERE p.n > @after AND p.n <= @up_to AND p.n > @last::integer
ON CONFLICT DO NOTHING;
