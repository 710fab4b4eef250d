-- name: match_takeovers_changed
-- As match_takeovers, where changes were listed: those that hit the contact of an identity that left, now
-- or before, and did not come back.
INSERT INTO takeover (n, holder)
SELECT m.n, m.holder
FROM match m
CROSS JOIN LATERAL (
    SELECT l.gone_at FROM entra_contact_links l
    WHERE l.entra_tenant_id = @directory AND l.entra_object_id = m.holder AND l.client_id = @client AND l.ended_at IS NULL
    LIMIT 1
) l
LEFT JOIN LATERAL (SELECT true AS found FROM removed r WHERE r.object_id = m.holder LIMIT 1) r ON true
LEFT JOIN LATERAL (SELECT true AS found FROM stage s WHERE s.object_id = m.holder LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT true AS found FROM duplicate d WHERE d.n = m.n LIMIT 1) d ON true
WHERE m.n > @after AND m.n <= @up_to AND m.n = ANY (@ns::integer[]) AND d.found IS NULL AND s.found IS NULL AND (r.found OR l.gone_at IS NOT NULL)
ON CONFLICT DO NOTHING;
