-- name: decide_unlinked
-- What becomes of identities that passed and have no link: decide_duplicates, decide_matches and
-- decide_elsewhere have found what there is to decide by.
-- An identity whose contact the host has deleted gets no other one unless a person decides so.
INSERT INTO plan (n, action, visible, object_id, contact_id, reason)
SELECT w.n, w.action, w.action <> 'queue', w.object_id, w.contact_id, CASE w.action WHEN 'queue' THEN w.why END
FROM (
    SELECT s.n, s.object_id,
           CASE WHEN d.found OR m.hits <> 1 OR NOT m.named AND (m.taken OR m.alias) THEN 'queue'
                WHEN m.hits = 1 THEN 'link'
                WHEN e.deleted THEN 'queue'
                ELSE 'create' END AS action,
           CASE WHEN m.hits > 0 THEN m.contact_id ELSE s.contact_id END AS contact_id,
           CASE WHEN d.found THEN 'duplicate_identity_email'
                WHEN m.hits > 1 THEN 'multiple_email_matches'
                WHEN m.taken THEN 'contact_already_linked'
                WHEN m.alias THEN 'alias_match'
                WHEN e.deleted THEN 'contact_deleted'
                WHEN m.hits = 0 THEN 'email_in_use_elsewhere' END AS why
    FROM stage s
    LEFT JOIN LATERAL (SELECT true AS found FROM staged_link l WHERE @links AND l.n = s.n AND NOT l.waits LIMIT 1) l ON true
    LEFT JOIN LATERAL (
        SELECT (SELECT c.deleted FROM contacts c WHERE c.id = l.contact_id LIMIT 1) AS deleted
        FROM entra_contact_links l
        WHERE @takes AND l.entra_tenant_id = @directory AND l.entra_object_id = s.object_id AND l.client_id = @client AND l.ended_at IS NOT NULL
        LIMIT 1
    ) e ON true
    LEFT JOIN LATERAL (SELECT true AS found FROM duplicate d WHERE @shared AND d.n = s.n LIMIT 1) d ON true
    LEFT JOIN LATERAL (SELECT m.hits, m.taken, m.contact_id, m.alias, m.named FROM match m WHERE @matched AND m.n = s.n LIMIT 1) m ON true
    WHERE s.n > @after AND s.n <= @up_to AND s.failure IS NULL AND s.verdict IS NULL AND l.found IS NULL
) w;
