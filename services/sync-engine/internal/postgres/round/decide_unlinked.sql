-- name: decide_unlinked
-- What becomes of identities that passed and have no link: decide_duplicates, decide_matches and
-- decide_elsewhere have found what there is to decide by.
INSERT INTO plan (n, action, visible, object_id, contact_id, reason)
SELECT s.n,
       CASE WHEN d.found OR m.hits <> 1 OR m.taken OR m.alias AND NOT m.named THEN 'queue'
            WHEN m.hits = 1 THEN 'link'
            ELSE 'create' END,
       d.found IS NULL AND (m.hits IS NULL OR m.hits = 1 AND NOT m.taken AND (m.named OR NOT m.alias)),
       s.object_id,
       CASE WHEN m.hits > 0 THEN m.contact_id ELSE s.contact_id END,
       CASE WHEN d.found THEN 'duplicate_identity_email'
            WHEN m.hits > 1 THEN 'multiple_email_matches'
            WHEN m.taken THEN 'contact_already_linked'
            WHEN m.alias AND NOT m.named THEN 'alias_match'
            WHEN m.hits = 0 THEN 'email_in_use_elsewhere' END
FROM stage s
LEFT JOIN LATERAL (SELECT true AS found FROM staged_link l WHERE l.n = s.n AND NOT l.waits LIMIT 1) l ON true
LEFT JOIN LATERAL (SELECT true AS found FROM duplicate d WHERE d.n = s.n LIMIT 1) d ON true
LEFT JOIN LATERAL (SELECT m.hits, m.taken, m.contact_id, m.alias, m.named FROM match m WHERE m.n = s.n LIMIT 1) m ON true
WHERE s.n > @after AND s.n <= @up_to AND s.failure IS NULL AND s.verdict IS NULL AND l.found IS NULL;
