-- name: report_staged
-- Records of the range that could not be taken, and identities that filters kept out: the same
-- as tally_filtered counts.
INSERT INTO entra_run_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, n, outcome, reason, pattern, contact_id, display_name,
    user_principal_name)
SELECT @tenant, @run, @managed_tenant, s.object_id, CASE s.object_id WHEN '' THEN s.n ELSE 0 END,
       CASE WHEN s.failure IS NULL THEN 'filtered' ELSE 'failed' END, COALESCE(s.failure, s.verdict),
       CASE WHEN s.failure IS NULL THEN s.pattern END, CASE WHEN s.failure IS NULL THEN l.contact_id END, s.full_name, s.upn
FROM stage s
LEFT JOIN LATERAL (
    SELECT l.client_id, l.contact_id FROM entra_contact_links l
    WHERE @links AND l.entra_tenant_id = @directory AND l.entra_object_id = s.object_id AND l.ended_at IS NULL AND l.relink_client_id IS DISTINCT FROM @relink_client::uuid
    LIMIT 1
) l ON true
WHERE s.n > @after AND s.n <= @up_to AND (s.failure IS NOT NULL OR s.verdict IS NOT NULL)
  AND (s.failure IS NOT NULL OR s.verdict IS NOT NULL AND (l.client_id IS NULL OR s.verdict <> 'account_disabled' AND l.client_id = @client))
ORDER BY s.object_id
ON CONFLICT DO NOTHING;
