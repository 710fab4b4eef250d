-- name: report_created
-- What the range creates, for the run's report.
INSERT INTO entra_run_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, outcome, contact_id, display_name, user_principal_name,
    fields, before, after)
SELECT @tenant, @run, @managed_tenant, s.object_id, 'created', s.contact_id, s.full_name, s.upn,
       ARRAY['fullName', 'email', 'phone', 'role', 'signInName'], ARRAY['', '', '', '', ''],
       ARRAY[s.full_name, s.email, s.phone, s.role, CASE WHEN @field_upn THEN s.upn ELSE '' END]
FROM plan p JOIN stage s ON s.n = p.n
WHERE p.n > @after AND p.n <= @up_to AND p.action = 'create'
ORDER BY s.object_id
ON CONFLICT DO NOTHING;
