-- name: ActiveMappings :many
SELECT sqlc.embed(m), c.name AS client_name, COALESCE(o.links, 0)::integer AS orphaned_links
FROM entra_client_tenant_mappings m
LEFT JOIN clients c ON c.id = m.client_id
LEFT JOIN entra_orphans o ON o.managed_tenant_id = m.managed_tenant_id
WHERE m.deactivated_at IS NULL
ORDER BY m.decided_at, m.id;

-- name: ActiveMappingsOf :many
SELECT sqlc.embed(m), c.name AS client_name, COALESCE(o.links, 0)::integer AS orphaned_links
FROM entra_client_tenant_mappings m
LEFT JOIN clients c ON c.id = m.client_id
LEFT JOIN entra_orphans o ON o.managed_tenant_id = m.managed_tenant_id
WHERE m.managed_tenant_id = ANY (@managed_tenant_ids::uuid[]) AND m.deactivated_at IS NULL
ORDER BY m.decided_at, m.id;

-- name: StatesInForce :many
SELECT managed_tenant_id, state FROM entra_client_tenant_mappings WHERE deactivated_at IS NULL;

-- name: EndedMappings :many
-- The last decision about each managed tenant that was unmapped. Its end is a
-- revision of its own.
SELECT m.managed_tenant_id, m.ended_revision, m.deactivated_by, m.deactivated_at
FROM entra_client_tenant_mappings m
WHERE m.ended_revision IS NOT NULL
  AND NOT EXISTS (SELECT FROM entra_client_tenant_mappings l
                  WHERE l.managed_tenant_id = m.managed_tenant_id AND l.revision > m.revision);

-- name: ListMappings :many
SELECT sqlc.embed(m), c.name AS client_name, COALESCE(o.links, 0)::integer AS orphaned_links
FROM entra_client_tenant_mappings m
LEFT JOIN clients c ON c.id = m.client_id
LEFT JOIN entra_orphans o ON o.managed_tenant_id = m.managed_tenant_id
WHERE m.deactivated_at IS NULL
  AND (@state::text = '' OR m.state = @state)
  AND (@exact::text = '' OR position(@name_key::text IN m.name_key) > 0 OR position(@name_key::text IN c.name_key) > 0
       OR m.entra_tenant_id = @exact OR m.primary_domain = @exact)
  AND (m.name_key, m.managed_tenant_id) > (@after_key::text, @after_id::uuid)
ORDER BY m.name_key, m.managed_tenant_id
LIMIT @size;

-- name: ListOrphaned :many
-- The last decision about each managed tenant whose orphaned links wait for a
-- person. One that has ended stands for a managed tenant that is undecided.
SELECT m.id, m.managed_tenant_id, m.entra_tenant_id, m.display_name, m.primary_domain,
       CASE WHEN m.deactivated_at IS NULL THEN m.state ELSE 'undecided' END AS state, m.client_id,
       c.name AS client_name, m.score, m.revision, m.version, m.decided_by, m.decided_at,
       m.deactivated_by, m.deactivated_at, o.links AS orphaned_links
FROM entra_orphans o
JOIN LATERAL (
    SELECT l.id, l.managed_tenant_id, l.entra_tenant_id, l.display_name, l.name_key, l.primary_domain, l.state, l.client_id, l.score,
           l.revision, l.version, l.decided_by, l.decided_at, l.deactivated_by, l.deactivated_at
    FROM entra_client_tenant_mappings l
    WHERE l.managed_tenant_id = o.managed_tenant_id
    ORDER BY l.revision DESC
    LIMIT 1) m ON true
LEFT JOIN clients c ON c.id = m.client_id
WHERE o.links > 0
  AND (sqlc.narg(managed_tenant_id)::uuid IS NULL OR o.managed_tenant_id = sqlc.narg(managed_tenant_id))
  AND (@state::text = '' OR (m.deactivated_at IS NULL AND m.state = @state))
  AND (@exact::text = '' OR position(@name_key::text IN m.name_key) > 0 OR position(@name_key::text IN c.name_key) > 0
       OR m.entra_tenant_id = @exact OR m.primary_domain = @exact)
  AND (m.name_key, m.managed_tenant_id) > (@after_key::text, @after_id::uuid)
ORDER BY m.name_key, m.managed_tenant_id
LIMIT @size;

-- name: CountMappings :one
-- So many at most.
SELECT count(*)::integer
FROM (SELECT FROM entra_client_tenant_mappings m
      LEFT JOIN clients c ON c.id = m.client_id
      WHERE m.deactivated_at IS NULL
        AND (@state::text = '' OR m.state = @state)
        AND (@exact::text = '' OR position(@name_key::text IN m.name_key) > 0 OR position(@name_key::text IN c.name_key) > 0
             OR m.entra_tenant_id = @exact OR m.primary_domain = @exact)
      LIMIT @most) AS counted;

-- name: CountOrphaned :one
-- So many at most.
SELECT count(*)::integer
FROM (SELECT FROM entra_orphans o
      JOIN LATERAL (
          SELECT l.name_key, l.primary_domain, l.entra_tenant_id, l.state, l.client_id, l.deactivated_at
          FROM entra_client_tenant_mappings l
          WHERE l.managed_tenant_id = o.managed_tenant_id
          ORDER BY l.revision DESC
          LIMIT 1) m ON true
      LEFT JOIN clients c ON c.id = m.client_id
      WHERE o.links > 0
        AND (sqlc.narg(managed_tenant_id)::uuid IS NULL OR o.managed_tenant_id = sqlc.narg(managed_tenant_id))
        AND (@state::text = '' OR (m.deactivated_at IS NULL AND m.state = @state))
        AND (@exact::text = '' OR position(@name_key::text IN m.name_key) > 0 OR position(@name_key::text IN c.name_key) > 0
             OR m.entra_tenant_id = @exact OR m.primary_domain = @exact)
      LIMIT @most) AS counted;

-- name: DecidedSince :many
-- The last decision of each managed tenant that was decided, or unmapped, after
-- a version.
SELECT DISTINCT ON (m.managed_tenant_id)
       m.managed_tenant_id, m.state, m.client_id, c.name AS client_name, m.decided_by, m.decided_at, m.deactivated_by, m.deactivated_at
FROM entra_client_tenant_mappings m
LEFT JOIN clients c ON c.id = m.client_id
WHERE m.version > @version OR m.ended_version > @version
ORDER BY m.managed_tenant_id, m.revision DESC;

-- name: EverMapped :many
-- Those of the managed tenants that some client had before: only they can have
-- links.
SELECT DISTINCT managed_tenant_id
FROM entra_client_tenant_mappings
WHERE managed_tenant_id = ANY (@managed_tenant_ids::uuid[]) AND state = 'mapped';

-- name: MappingsOfTenant :many
SELECT sqlc.embed(m), c.name AS client_name, COALESCE(o.links, 0)::integer AS orphaned_links
FROM entra_client_tenant_mappings m
LEFT JOIN clients c ON c.id = m.client_id
LEFT JOIN entra_orphans o ON o.managed_tenant_id = m.managed_tenant_id
WHERE m.managed_tenant_id = @managed_tenant_id AND m.revision < @below::bigint AND (@past::boolean OR m.deactivated_at IS NULL)
ORDER BY m.revision DESC
LIMIT @size;

-- name: MappingsOfClients :many
SELECT client_id, managed_tenant_id, entra_tenant_id, display_name
FROM entra_client_tenant_mappings
WHERE client_id = ANY (@ids::uuid[]) AND deactivated_at IS NULL AND state = 'mapped'
ORDER BY decided_at, id;

-- name: MappedTenants :many
SELECT id, managed_tenant_id, entra_tenant_id, client_id, revision, decided_at
FROM entra_client_tenant_mappings
WHERE deactivated_at IS NULL AND state = 'mapped' AND (decided_at, id) > (@after_at::timestamptz, @after_id::uuid)
ORDER BY decided_at, id
LIMIT @size;

-- name: TenantsToCreate :many
-- Those whose client is still to be created.
SELECT id, managed_tenant_id, entra_tenant_id, client_id, revision, decided_at
FROM entra_client_tenant_mappings
WHERE deactivated_at IS NULL AND state = 'create_new' AND (decided_at, id) > (@after_at::timestamptz, @after_id::uuid)
ORDER BY decided_at, id
LIMIT @size;

-- name: MappedTenantsOfClient :many
SELECT id, managed_tenant_id, entra_tenant_id, client_id, revision, decided_at
FROM entra_client_tenant_mappings
WHERE client_id = @client_id AND deactivated_at IS NULL AND state = 'mapped'
  AND (decided_at, id) > (@after_at::timestamptz, @after_id::uuid)
ORDER BY decided_at, id
LIMIT @size;

-- name: MappedTenant :one
-- The state is compared so that no index on mapped ones can serve: one that was made on an empty table
-- looks empty until the first ANALYZE, and all of a tenant's mappings would be read by it.
SELECT id, managed_tenant_id, entra_tenant_id, client_id, revision, decided_at
FROM entra_client_tenant_mappings
WHERE managed_tenant_id = @managed_tenant_id AND deactivated_at IS NULL AND state IS NOT DISTINCT FROM 'mapped';

-- name: EndMappings :many
-- Ends mappings that nothing takes the place of. The end is a revision of its own.
UPDATE entra_client_tenant_mappings
SET deactivated_at = @at, deactivated_by = @by, ended_revision = revision + 1, ended_version = @version
WHERE managed_tenant_id = ANY (@managed_tenant_ids::uuid[]) AND deactivated_at IS NULL
RETURNING managed_tenant_id, ended_revision;

-- name: DeactivateMappings :exec
UPDATE entra_client_tenant_mappings
SET deactivated_at = @at, deactivated_by = @by
WHERE managed_tenant_id = ANY (@managed_tenant_ids::uuid[]) AND deactivated_at IS NULL;

-- name: RefreshTenants :exec
-- Writes names and primary domains to decisions in force, which stay what they are.
UPDATE entra_client_tenant_mappings m
SET display_name = l.display_name, name_key = l.name_key, primary_domain = l.domain
FROM (SELECT unnest(@managed_tenant_ids::uuid[]) AS managed_tenant_id, unnest(@display_names::text[]) AS display_name,
             unnest(@name_keys::text[]) AS name_key, unnest(@domains::text[]) AS domain) l
WHERE m.managed_tenant_id = l.managed_tenant_id AND m.deactivated_at IS NULL;
