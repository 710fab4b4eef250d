-- name: report_kept
-- Of the range's kept identities, those of which a delta round's list of changes says nothing: each run's
-- report has those that failed and those that filters keep out.
INSERT INTO entra_run_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, n, outcome, reason, pattern, contact_id, display_name,
    user_principal_name)
SELECT @tenant, @run, @managed_tenant, k.entra_object_id, 0, CASE WHEN k.failure IS NULL THEN 'filtered' ELSE 'failed' END, COALESCE(k.failure, k.verdict),
       CASE WHEN k.failure IS NULL THEN k.pattern END, CASE WHEN k.failure IS NULL THEN l.contact_id END, k.full_name, k.upn
FROM kept_identities k
LEFT JOIN LATERAL (SELECT true AS found FROM stage s WHERE s.object_id = k.entra_object_id LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT true AS found FROM removed r WHERE @left AND r.object_id = k.entra_object_id LIMIT 1) r ON true
LEFT JOIN LATERAL (
    SELECT l.contact_id FROM entra_contact_links l
    WHERE k.linked AND l.entra_tenant_id = @directory AND l.entra_object_id = k.entra_object_id AND l.ended_at IS NULL
    LIMIT 1
) l ON true
WHERE k.entra_tenant_id = @directory AND k.entra_object_id > @after_id AND k.entra_object_id <= @up_to_id
  AND (k.failure IS NOT NULL OR k.verdict IS NOT NULL) AND s.found IS NULL AND r.found IS NULL
ORDER BY k.entra_object_id
ON CONFLICT DO NOTHING;
