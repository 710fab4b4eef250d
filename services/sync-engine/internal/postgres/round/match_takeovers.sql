-- name: match_takeovers
-- Of these, those that hit the contact of an identity which this listing lacks; where the listing is not
-- complete, and so proves nothing, of one that an earlier listing lacked.
INSERT INTO takeover (n, holder)
SELECT m.n, m.holder
FROM match m
CROSS JOIN LATERAL (
    SELECT l.gone FROM staged_link l WHERE l.object_id = m.holder AND l.n IS NULL AND l.ours LIMIT 1
) l
LEFT JOIN LATERAL (SELECT true AS found FROM duplicate d WHERE d.n = m.n LIMIT 1) d ON true
WHERE m.n > @after AND m.n <= @up_to AND m.n = ANY (@ns::integer[]) AND d.found IS NULL AND (@complete OR l.gone)
ON CONFLICT DO NOTHING;
