-- name: report_queued
-- Of the range's identities for a person, those about which no person has decided on the same facts.
INSERT INTO entra_run_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, outcome, reason, contact_id, display_name, user_principal_name)
SELECT @tenant, @run, @managed_tenant, s.object_id, 'ambiguous', p.reason,
       (SELECT c.id FROM contacts c WHERE c.id = p.contact_id), s.full_name, s.upn
FROM plan p JOIN stage s ON s.n = p.n
WHERE p.n > @after AND p.n <= @up_to AND p.action = 'queue' AND s.object_id <> ALL (@decided::text[])
ORDER BY s.object_id
ON CONFLICT DO NOTHING;
