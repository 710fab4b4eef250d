-- name: report_unchanged
-- The other identities of the range, last: one that is in the report already stays as it is there.
INSERT INTO entra_run_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, outcome, contact_id, display_name, user_principal_name)
SELECT @tenant, @run, @managed_tenant, s.object_id, 'unchanged', l.contact_id, s.full_name, s.upn
FROM stage s
LEFT JOIN LATERAL (
    SELECT l.contact_id FROM entra_contact_links l
    WHERE l.entra_tenant_id = @directory AND l.entra_object_id = s.object_id AND l.client_id = @client AND l.ended_at IS NULL
    LIMIT 1
) l ON true
WHERE s.n > @after AND s.n <= @up_to AND s.failure IS NULL
ORDER BY s.object_id
ON CONFLICT DO NOTHING;
