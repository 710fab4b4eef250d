-- name: UpsertManagedTenants :many
-- Writes what a listing found, in one pass, and only what differs. What could
-- not be read (an empty text, a count below zero, no domains) stays as it was,
-- and so do state and problem where the failure is one of the moment.
INSERT INTO entra_managed_tenants AS m
    (id, entra_tenant_id, display_name, name_key, primary_domain, domains, source_user_count, state,
     problem_code, problem_message, problem_remedy, access_ends_at, discovered_at, last_seen_at)
SELECT f.id, f.entra_tenant_id, f.display_name, f.name_key,
       COALESCE(NULLIF(f.primary_domain, ''), old.primary_domain, ''),
       CASE WHEN f.domains <> '' THEN string_to_array(f.domains, ' ')
            WHEN cardinality(old.domains) > 0 THEN old.domains
            ELSE string_to_array(f.primary_domain, ' ') END,
       CASE WHEN f.user_count >= 0 THEN f.user_count ELSE COALESCE(old.source_user_count, 0) END,
       CASE WHEN f.passing AND old.state <> 'gone' THEN old.state
            WHEN f.problem_code IS NULL THEN 'active'
            ELSE 'unreadable' END,
       CASE WHEN f.passing AND old.state <> 'gone' THEN old.problem_code ELSE f.problem_code END,
       CASE WHEN f.passing AND old.state <> 'gone' THEN old.problem_message ELSE f.problem_message END,
       CASE WHEN f.passing AND old.state <> 'gone' THEN old.problem_remedy ELSE f.problem_remedy END,
       f.access_ends_at, $1, $1
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[],
            $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::boolean[])
     AS f (id, entra_tenant_id, display_name, name_key, primary_domain, domains, user_count,
           problem_code, problem_message, problem_remedy, access_ends_at, passing)
LEFT JOIN entra_managed_tenants old ON old.entra_tenant_id = f.entra_tenant_id
ON CONFLICT (tenant_id, entra_tenant_id) DO UPDATE
SET display_name = EXCLUDED.display_name, name_key = EXCLUDED.name_key, primary_domain = EXCLUDED.primary_domain,
    domains = EXCLUDED.domains, source_user_count = EXCLUDED.source_user_count, state = EXCLUDED.state,
    problem_code = EXCLUDED.problem_code, problem_message = EXCLUDED.problem_message,
    problem_remedy = EXCLUDED.problem_remedy, access_ends_at = EXCLUDED.access_ends_at,
    last_seen_at = EXCLUDED.last_seen_at, gone_at = NULL
WHERE (m.display_name, m.name_key, m.primary_domain, m.domains, m.source_user_count, m.state,
       m.problem_code, m.problem_message, m.problem_remedy, m.access_ends_at)
      IS DISTINCT FROM
      (EXCLUDED.display_name, EXCLUDED.name_key, EXCLUDED.primary_domain, EXCLUDED.domains, EXCLUDED.source_user_count,
       EXCLUDED.state, EXCLUDED.problem_code, EXCLUDED.problem_message, EXCLUDED.problem_remedy, EXCLUDED.access_ends_at)
RETURNING m.id;
