-- name: HoldPlan
-- What is left of an inactivation that is held: that the identity is gone or what its metadata
-- say, where that is not known yet.
UPDATE plan SET action = CASE reason WHEN 'deleted_upstream' THEN 'missing' ELSE 'touch' END, visible = false WHERE action = 'inactivate';
DELETE FROM plan WHERE n IN (
    SELECT p.n
    FROM plan p
    LEFT JOIN stage s ON s.n = p.n
    CROSS JOIN LATERAL (
        SELECT c.entra_tenant_id, c.entra_user_principal_name, c.entra_account_enabled FROM contacts c WHERE c.id = p.contact_id LIMIT 1
    ) c
    CROSS JOIN LATERAL (
        SELECT l.gone_at FROM entra_contact_links l
        WHERE l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = p.object_id AND l.contact_id = p.contact_id
        LIMIT 1
    ) l
    WHERE p.action = 'missing' AND l.gone_at IS NOT NULL
       OR p.action = 'touch' AND l.gone_at IS NULL
          AND c.entra_user_principal_name IS NOT DISTINCT FROM s.upn AND c.entra_account_enabled IS NOT DISTINCT FROM s.enabled);
