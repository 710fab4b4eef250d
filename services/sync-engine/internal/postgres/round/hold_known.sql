-- name: hold_known
-- Of these, what is known already.
DELETE FROM plan p
WHERE p.n > @after AND p.n <= @up_to AND p.action IN ('missing', 'touch') AND (
    SELECT p.action = 'missing' AND l.gone_at IS NOT NULL
        OR p.action = 'touch' AND l.gone_at IS NULL AND c.entra_user_principal_name IS NOT DISTINCT FROM s.upn
           AND c.entra_account_enabled IS NOT DISTINCT FROM s.enabled
    FROM (
        SELECT c.entra_tenant_id, c.entra_user_principal_name, c.entra_account_enabled FROM contacts c WHERE c.id = p.contact_id LIMIT 1
    ) c
    CROSS JOIN LATERAL (
        SELECT l.gone_at FROM entra_contact_links l
        WHERE l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = p.object_id AND l.contact_id = p.contact_id
        LIMIT 1
    ) l
    LEFT JOIN LATERAL (SELECT s.upn, s.enabled FROM stage s WHERE s.n = p.n LIMIT 1) s ON true
);
