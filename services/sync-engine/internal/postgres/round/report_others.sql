-- name: report_others
-- Of the range's links, the identities of which a delta round's list of changes says nothing, last: they stay
-- as they are, and have the names of their contacts. One that is in the report already stays as it is there.
INSERT INTO entra_run_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, outcome, contact_id, display_name, user_principal_name)
SELECT @tenant, @run, @managed_tenant, l.entra_object_id, 'unchanged', CASE WHEN l.client_id = @client THEN l.contact_id END,
       COALESCE(c.full_name, ''), COALESCE(c.entra_user_principal_name, '')
FROM entra_contact_links l
LEFT JOIN LATERAL (SELECT true AS found FROM stage s WHERE s.object_id = l.entra_object_id LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT true AS found FROM removed r WHERE @left AND r.object_id = l.entra_object_id LIMIT 1) r ON true
LEFT JOIN LATERAL (SELECT c.full_name, c.entra_user_principal_name FROM contacts c WHERE c.id = l.contact_id LIMIT 1) c ON true
WHERE l.entra_tenant_id = @directory AND l.entra_object_id > @after_id AND l.entra_object_id <= @up_to_id
  AND l.ended_at IS NULL AND l.gone_at IS NULL AND l.relink_client_id IS DISTINCT FROM @relink_client::uuid
  AND s.found IS NULL AND r.found IS NULL
ORDER BY l.entra_object_id
ON CONFLICT DO NOTHING;
