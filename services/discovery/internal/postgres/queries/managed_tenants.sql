-- name: MarkGone :execrows
-- Marks what a complete listing did not have. The time that was last seen is
-- that of the discovery before.
UPDATE entra_managed_tenants
SET state = 'gone', gone_at = @at, last_seen_at = GREATEST(last_seen_at, sqlc.narg(before)::timestamptz),
    problem_code = NULL, problem_message = NULL, problem_remedy = NULL
WHERE state <> 'gone' AND entra_tenant_id <> ALL (@listed::text[]);

-- name: RefreshManagedTenant :execrows
-- Writes what a tenant's own directory said, outside a listing. What the listing
-- says (the name, the end of access, the primary domain once it is known) is left
-- alone: a discovery may have written it since the directory was asked. What could
-- not be read stays.
UPDATE entra_managed_tenants
SET primary_domain = COALESCE(NULLIF(primary_domain, ''), @primary_domain),
    domains = CASE WHEN cardinality(@domains::text[]) > 0 THEN @domains ELSE domains END,
    source_user_count = COALESCE(sqlc.narg(user_count), source_user_count),
    state = CASE WHEN @passing::boolean THEN state WHEN sqlc.narg(problem_code)::text IS NULL THEN 'active' ELSE 'unreadable' END,
    problem_code = CASE WHEN @passing THEN problem_code ELSE sqlc.narg(problem_code) END,
    problem_message = CASE WHEN @passing THEN problem_message ELSE sqlc.narg(problem_message) END,
    problem_remedy = CASE WHEN @passing THEN problem_remedy ELSE sqlc.narg(problem_remedy) END
WHERE id = @id AND state <> 'gone';

-- name: DropDomains :exec
-- Drops what are no domains of the managed tenants any more.
DELETE FROM entra_managed_tenant_domains d
USING entra_managed_tenants m
WHERE d.managed_tenant_id = ANY (@ids::uuid[]) AND m.id = d.managed_tenant_id AND d.domain <> ALL (m.domains);

-- name: AddDomains :exec
INSERT INTO entra_managed_tenant_domains (domain, managed_tenant_id)
SELECT DISTINCT unnest(domains), id FROM entra_managed_tenants WHERE id = ANY (@ids::uuid[])
ON CONFLICT DO NOTHING;

-- name: ListManagedTenants :many
SELECT id, entra_tenant_id, display_name, primary_domain, domains, source_user_count, state,
       problem_code, problem_message, problem_remedy, access_ends_at, discovered_at, last_seen_at
FROM entra_managed_tenants_seen
WHERE (@state::text = '' OR state = @state)
  AND (@query::text = '' OR position(@query_key::text IN name_key) > 0 OR entra_tenant_id = @query
       OR id IN (SELECT managed_tenant_id FROM entra_managed_tenant_domains WHERE domain = @query))
  AND (name_key, id) > (@after_key::text, @after_id::uuid)
ORDER BY name_key, id
LIMIT @size;

-- name: CountManagedTenants :one
-- So many at most.
SELECT count(*)::integer
FROM (SELECT FROM entra_managed_tenants
      WHERE (@state::text = '' OR state = @state)
        AND (@query::text = '' OR position(@query_key::text IN name_key) > 0 OR entra_tenant_id = @query
             OR id IN (SELECT managed_tenant_id FROM entra_managed_tenant_domains WHERE domain = @query))
      LIMIT @most) AS counted;

-- name: ManagedTenantsAfter :many
SELECT id, entra_tenant_id, display_name, primary_domain, domains, source_user_count, state,
       problem_code, problem_message, problem_remedy, access_ends_at, discovered_at, last_seen_at
FROM entra_managed_tenants_seen
WHERE id > @after
ORDER BY id
LIMIT @size;

-- name: ManagedTenantsByID :many
SELECT id, entra_tenant_id, display_name, primary_domain, domains, source_user_count, state,
       problem_code, problem_message, problem_remedy, access_ends_at, discovered_at, last_seen_at
FROM entra_managed_tenants_seen
WHERE id = ANY (@ids::uuid[])
ORDER BY id;

-- name: UnreadableTenants :many
SELECT id, entra_tenant_id, display_name, primary_domain, domains, source_user_count, state,
       problem_code, problem_message, problem_remedy, access_ends_at, discovered_at, last_seen_at
FROM entra_managed_tenants_seen
WHERE state = 'unreadable'
ORDER BY name_key, id;

-- name: TenantsWithAccessEnding :many
SELECT id, entra_tenant_id, display_name, primary_domain, domains, source_user_count, state,
       problem_code, problem_message, problem_remedy, access_ends_at, discovered_at, last_seen_at
FROM entra_managed_tenants_seen
WHERE access_ends_at <= @before AND state <> 'gone'
ORDER BY access_ends_at, id;

-- name: CountByState :one
SELECT count(*) FILTER (WHERE state = 'active')::integer AS active,
       count(*) FILTER (WHERE state = 'gone')::integer AS gone
FROM entra_managed_tenants;

-- name: CountOthers :one
-- Those that are not gone, but for the given ones.
SELECT count(*)::integer
FROM entra_managed_tenants m
WHERE m.state <> 'gone' AND NOT EXISTS (SELECT FROM unnest(@except_ids::uuid[]) AS e (id) WHERE e.id = m.id);

-- name: CountUnreadable :one
SELECT count(*)::integer FROM entra_managed_tenants WHERE state = 'unreadable';
