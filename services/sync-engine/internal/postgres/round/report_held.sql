-- name: report_held
-- The identities that a guard keeps from becoming inactive, for the run's report; see report_changed.
INSERT INTO entra_run_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, outcome, reason, contact_id, display_name,
    user_principal_name, fields, before, after)
SELECT @tenant, @run, @managed_tenant, p.object_id, 'held', p.reason, p.contact_id, COALESCE(s.full_name, c.full_name),
       COALESCE(s.upn, c.entra_user_principal_name, ''), ARRAY['inactive'], ARRAY['false'], ARRAY['true']
FROM plan p
CROSS JOIN LATERAL (SELECT c.full_name, c.entra_user_principal_name FROM contacts c WHERE c.id = p.contact_id LIMIT 1) c
LEFT JOIN LATERAL (SELECT s.full_name, s.upn FROM stage s WHERE s.n = p.n LIMIT 1) s ON true
WHERE p.n > @after AND p.n <= @up_to AND p.action = 'inactivate' AND p.visible AND NOT p.approved
ORDER BY p.object_id
ON CONFLICT DO NOTHING;
