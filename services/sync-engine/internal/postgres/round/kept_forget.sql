-- name: kept_forget
-- Of the range, those of whom this round knows that they need not be kept: where it listed what changed,
-- of those alone. They are found again by their place, as in follow_range.
WITH due AS MATERIALIZED (
    SELECT k.ctid AS place
    FROM kept_identities k
    LEFT JOIN LATERAL (SELECT true AS found FROM keep h WHERE h.object_id = k.entra_object_id LIMIT 1) h ON true
    LEFT JOIN LATERAL (SELECT true AS found FROM stage s WHERE s.object_id = k.entra_object_id LIMIT 1) s ON true
    LEFT JOIN LATERAL (SELECT true AS found FROM removed r WHERE r.object_id = k.entra_object_id LIMIT 1) r ON true
    WHERE k.entra_tenant_id = @directory AND k.entra_object_id > @after_id AND k.entra_object_id <= @up_to_id AND h.found IS NULL
      AND (@everybody OR s.found OR r.found)
)
DELETE FROM kept_identities k USING due d WHERE k.ctid = d.place;
