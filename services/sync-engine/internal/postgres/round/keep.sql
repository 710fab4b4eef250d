-- name: keep
-- The identities of the range that a delta round must know, once what was planned for them is done: those
-- that failed, those that a filter hits, as tally_filtered counts them, and those about which a person
-- decides.
INSERT INTO keep (n, object_id, linked)
SELECT k.n, k.object_id, k.linked
FROM (
    SELECT s.n, s.object_id, l.client_id IS NOT NULL AS linked,
           s.failure IS NOT NULL OR l.client_id IS NULL OR s.verdict <> 'account_disabled' AND l.client_id = @client AS kept
    FROM stage s
    LEFT JOIN LATERAL (
        SELECT l.client_id FROM entra_contact_links l
        WHERE @links AND l.entra_tenant_id = @directory AND l.entra_object_id = s.object_id AND l.ended_at IS NULL AND l.relink_client_id IS DISTINCT FROM @relink_client::uuid
        LIMIT 1
    ) l ON true
    WHERE s.n > @after AND s.n <= @up_to AND NOT s.nameless AND (s.failure IS NOT NULL OR s.verdict IS NOT NULL)
) k
WHERE k.kept
UNION ALL
SELECT p.n, p.object_id, false FROM plan p WHERE p.n > @after AND p.n <= @up_to AND p.action = 'queue';
