-- name: ActiveMappings :many
SELECT m.id, m.managed_tenant_id, m.entra_tenant_id, m.display_name, m.primary_domain, m.state, m.client_id,
       c.name AS client_name, m.score, m.revision, m.version, m.decided_by, m.decided_at,
       m.deactivated_by, m.deactivated_at
FROM entra_client_tenant_mappings m
LEFT JOIN clients c ON c.id = m.client_id
WHERE m.deactivated_at IS NULL
ORDER BY m.decided_at, m.id;

-- name: ListMappings :many
SELECT m.id, m.managed_tenant_id, m.entra_tenant_id, m.display_name, m.primary_domain, m.state, m.client_id,
       c.name AS client_name, m.score, m.revision, m.version, m.decided_by, m.decided_at,
       m.deactivated_by, m.deactivated_at
FROM entra_client_tenant_mappings m
LEFT JOIN clients c ON c.id = m.client_id
WHERE m.deactivated_at IS NULL
  AND (@state::text = '' OR m.state = @state)
  AND (@exact::text = '' OR position(@name_key::text IN m.name_key) > 0 OR position(@name_key::text IN c.name_key) > 0
       OR m.entra_tenant_id = @exact OR m.primary_domain = @exact)
  AND (m.name_key, m.managed_tenant_id) > (@after_key::text, @after_id::uuid)
ORDER BY m.name_key, m.managed_tenant_id
LIMIT @size;

-- name: CountMappings :one
SELECT count(*)::integer
FROM entra_client_tenant_mappings m
LEFT JOIN clients c ON c.id = m.client_id
WHERE m.deactivated_at IS NULL
  AND (@state::text = '' OR m.state = @state)
  AND (@exact::text = '' OR position(@name_key::text IN m.name_key) > 0 OR position(@name_key::text IN c.name_key) > 0
       OR m.entra_tenant_id = @exact OR m.primary_domain = @exact);

-- name: MappingsOfTenant :many
SELECT m.id, m.managed_tenant_id, m.entra_tenant_id, m.display_name, m.primary_domain, m.state, m.client_id,
       c.name AS client_name, m.score, m.revision, m.version, m.decided_by, m.decided_at,
       m.deactivated_by, m.deactivated_at
FROM entra_client_tenant_mappings m
LEFT JOIN clients c ON c.id = m.client_id
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

-- name: MappedTenantsOfClient :many
SELECT id, managed_tenant_id, entra_tenant_id, client_id, revision, decided_at
FROM entra_client_tenant_mappings
WHERE client_id = @client_id AND deactivated_at IS NULL AND state = 'mapped'
  AND (decided_at, id) > (@after_at::timestamptz, @after_id::uuid)
ORDER BY decided_at, id
LIMIT @size;

-- name: MappedTenant :one
SELECT id, managed_tenant_id, entra_tenant_id, client_id, revision, decided_at
FROM entra_client_tenant_mappings
WHERE managed_tenant_id = @managed_tenant_id AND deactivated_at IS NULL AND state = 'mapped';

-- name: DeactivateMappings :exec
UPDATE entra_client_tenant_mappings
SET deactivated_at = @at, deactivated_by = @by
WHERE managed_tenant_id = ANY (@managed_tenant_ids::uuid[]) AND deactivated_at IS NULL;
