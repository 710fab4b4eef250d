-- name: kept_forget
-- Of the range, the identities that need not be kept, after a round that listed everybody. They are found again by
-- their place, as in mapping_range.
WITH due AS MATERIALIZED (
    SELECT k.ctid AS place
    FROM kept_identities k
    LEFT JOIN LATERAL (SELECT true AS found FROM keep h WHERE h.object_id = k.entra_object_id LIMIT 1) h ON true
    WHERE k.entra_tenant_id = @directory AND k.entra_object_id > @after_id AND k.entra_object_id <= @up_to_id AND h.found IS NULL
)
DELETE FROM kept_identities k USING due d WHERE k.ctid = d.place;
