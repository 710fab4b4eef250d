-- name: kept_forget_changed
-- As kept_forget, after a round that listed what changed: of those alone.
DELETE FROM kept_identities
WHERE ctid = ANY (ARRAY(
    SELECT k.place
    FROM (
        SELECT s.object_id FROM stage s WHERE s.n > @after AND s.n <= @up_to
        UNION ALL
        SELECT r.object_id FROM removed r WHERE r.n > @after AND r.n <= @up_to
    ) i
    LEFT JOIN LATERAL (SELECT true AS found FROM keep h WHERE h.object_id = i.object_id LIMIT 1) h ON true
    CROSS JOIN LATERAL (
        SELECT k.ctid AS place FROM kept_identities k WHERE k.entra_tenant_id = @directory AND k.entra_object_id = i.object_id LIMIT 1
    ) k
    WHERE h.found IS NULL));
