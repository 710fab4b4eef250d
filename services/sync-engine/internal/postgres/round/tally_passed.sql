-- name: tally_passed
-- Whether a linked identity of which the list of changes says nothing has passed: those that failed or
-- that a filter hits are kept, except disabled accounts, whose contact says that they are.
SELECT count(*) FROM (
    SELECT FROM entra_contact_links l
    LEFT JOIN LATERAL (SELECT true AS found FROM stage s WHERE s.object_id = l.entra_object_id LIMIT 1) s ON true
    LEFT JOIN LATERAL (SELECT true AS found FROM removed r WHERE r.object_id = l.entra_object_id LIMIT 1) r ON true
    LEFT JOIN LATERAL (
        SELECT true AS found FROM kept_identities k
        WHERE k.entra_tenant_id = @directory AND k.entra_object_id = l.entra_object_id AND (k.failure IS NOT NULL OR k.verdict IS NOT NULL)
        LIMIT 1
    ) k ON true
    LEFT JOIN LATERAL (
        SELECT true AS found FROM contacts c
        WHERE c.id = l.contact_id AND c.entra_tenant_id = @directory AND c.entra_object_id = l.entra_object_id AND NOT c.entra_account_enabled
        LIMIT 1
    ) c ON true
    WHERE l.entra_tenant_id = @directory AND l.ended_at IS NULL AND l.gone_at IS NULL AND l.relink_client_id IS DISTINCT FROM @relink_client::uuid
      AND s.found IS NULL AND r.found IS NULL AND k.found IS NULL AND c.found IS NULL
    LIMIT 1
) passed;
