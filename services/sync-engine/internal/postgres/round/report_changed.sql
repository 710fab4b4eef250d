-- name: report_changed
-- What the range changes of contacts that are there, for the run's report: it runs before they are
-- written, and so sees what they were. An identity that a listing lacks has the names of its contact.
INSERT INTO entra_run_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, outcome, reason, contact_id, display_name,
    user_principal_name, fields, before, after)
SELECT @tenant, @run, @managed_tenant, p.object_id,
       CASE p.action WHEN 'link' THEN 'linked' WHEN 'inactivate' THEN 'inactivated' WHEN 'reactivate' THEN 'reactivated' ELSE 'updated' END,
       p.reason, p.contact_id, COALESCE(s.full_name, c.full_name), COALESCE(s.upn, c.entra_user_principal_name, ''),
       p.fields || CASE WHEN v.turns THEN ARRAY['inactive'] ELSE '{}' END,
       ARRAY(SELECT CASE f.name WHEN 'fullName' THEN c.full_name WHEN 'email' THEN c.email WHEN 'phone' THEN c.phone WHEN 'role' THEN c.role
                                WHEN 'signInName' THEN c.sign_in_name END
             FROM unnest(p.fields) WITH ORDINALITY AS f (name, k) ORDER BY f.k)
           || CASE WHEN v.turns THEN ARRAY[c.inactive::text] ELSE '{}' END,
       ARRAY(SELECT CASE f.name WHEN 'fullName' THEN s.full_name WHEN 'email' THEN s.email WHEN 'phone' THEN s.phone WHEN 'role' THEN s.role
                                WHEN 'signInName' THEN s.upn END
             FROM unnest(p.fields) WITH ORDINALITY AS f (name, k) ORDER BY f.k)
           || CASE WHEN v.turns THEN ARRAY[(NOT c.inactive)::text] ELSE '{}' END
FROM plan p
CROSS JOIN LATERAL (
    SELECT c.full_name, c.email, c.phone, c.role, c.sign_in_name, c.inactive, c.inactivated_by_sync, c.entra_user_principal_name
    FROM contacts c WHERE c.id = p.contact_id LIMIT 1
) c
LEFT JOIN LATERAL (SELECT s.full_name, s.email, s.phone, s.role, s.upn FROM stage s WHERE s.n = p.n LIMIT 1) s ON true
CROSS JOIN LATERAL (
    SELECT CASE p.action WHEN 'inactivate' THEN NOT c.inactive WHEN 'reactivate' THEN c.inactive
                         WHEN 'link' THEN c.inactivated_by_sync ELSE false END AS turns
) v
WHERE p.n > @after AND p.n <= @up_to AND p.visible AND p.action IN ('link', 'update', 'resume', 'reactivate', 'inactivate')
ORDER BY p.object_id
ON CONFLICT DO NOTHING;
