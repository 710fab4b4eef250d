-- name: explain_planned
-- What is planned for one identity, which was staged or left the directory; no row where it is neither. What
-- was rejected is so for the same reason only, as in rejected_plan.
SELECT i.n, COALESCE(p.action, ''), COALESCE(p.reason, ''), COALESCE(p.fields, '{}'), COALESCE(p.contact_id::text, ''),
       EXISTS (SELECT FROM rejected_inactivations j
               WHERE j.entra_tenant_id = @directory AND j.entra_object_id = @object_id AND j.reason = i.inactivates),
       COALESCE((SELECT h.run_id::text FROM held_identities h
                 WHERE h.run_id = (SELECT d.last_run_id FROM directories d WHERE d.entra_tenant_id = @directory)
                   AND h.managed_tenant_id = @managed_tenant AND h.entra_object_id = @object_id), ''),
       COALESCE((SELECT m.holder FROM match m WHERE m.n = i.n AND m.hits = 1 LIMIT 1), ''),
       COALESCE(p.action = 'link' AND (SELECT true FROM takeover t WHERE t.n = i.n LIMIT 1), false)
FROM (
    -- Why its contact would become inactive, if it would; the plan may have no row of what was rejected.
    SELECT s.n, CASE WHEN s.failure IS NULL AND s.verdict = 'account_disabled' THEN 'disabled_upstream' END AS inactivates
    FROM stage s WHERE s.object_id = @object_id
    UNION ALL
    SELECT @last::integer + r.n, 'deleted_upstream' FROM removed r WHERE r.object_id = @object_id
) i
LEFT JOIN LATERAL (SELECT p.action, p.reason, p.fields, p.contact_id FROM plan p WHERE p.n = i.n LIMIT 1) p ON true;
