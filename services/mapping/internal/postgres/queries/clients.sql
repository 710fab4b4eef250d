-- name: ClientsByID :many
SELECT id, external_id, name, website, domain, alternative_domains, email_domains, billing_email, deleted,
       entra_tenant_id, entra_primary_domain, version
FROM clients
WHERE id = ANY (@ids::uuid[])
ORDER BY id;

-- name: ClientsByExternalID :many
SELECT id, external_id, name, website, domain, alternative_domains, email_domains, billing_email, deleted,
       entra_tenant_id, entra_primary_domain, version
FROM clients
WHERE external_id = ANY (@external_ids::text[])
ORDER BY id;

-- name: ClientsByAnyID :many
-- Both halves are index look-ups; a client that both find comes once.
SELECT id, external_id, name, website, domain, alternative_domains, email_domains, billing_email, deleted,
       entra_tenant_id, entra_primary_domain, version
FROM clients
WHERE id = ANY (@ids::uuid[]) OR external_id = ANY (@external_ids::text[])
ORDER BY id;

-- name: LivingClients :many
SELECT id, external_id, name, website, domain, alternative_domains, email_domains, billing_email, deleted,
       entra_tenant_id, entra_primary_domain, version
FROM clients
WHERE NOT deleted;

-- name: ListClients :many
SELECT id, external_id, name, website, domain, alternative_domains, email_domains, billing_email, deleted,
       entra_tenant_id, entra_primary_domain, version
FROM clients
WHERE NOT deleted AND (name_key, id) > (@after_key::text, @after_id::uuid)
ORDER BY name_key, id
LIMIT @size;

-- name: SearchClients :many
-- Names are looked through in the order of the list, until the page is full; domains are an index range.
SELECT id, external_id, name, website, domain, alternative_domains, email_domains, billing_email, deleted,
       entra_tenant_id, entra_primary_domain, version
FROM clients
WHERE id IN (
    (SELECT n.id FROM clients n
     WHERE NOT n.deleted AND position(@name_key::text IN n.name_key) > 0
       AND (n.name_key, n.id) > (@after_key::text, @after_id::uuid)
     ORDER BY n.name_key, n.id
     LIMIT @size)
    UNION ALL
    (SELECT c.id FROM clients c
     WHERE c.id IN (SELECT d.client_id FROM client_domains d WHERE d.domain >= @domain_from AND d.domain < @domain_before)
       AND NOT c.deleted AND (c.name_key, c.id) > (@after_key::text, @after_id::uuid)
     ORDER BY c.name_key, c.id
     LIMIT @size))
ORDER BY name_key, id
LIMIT @size;

-- name: CountClients :one
-- So many at most, here and below.
SELECT count(*)::integer FROM (SELECT FROM clients WHERE NOT deleted LIMIT @most) AS counted;

-- name: CountFoundClients :one
SELECT count(*)::integer
FROM (SELECT FROM clients c
      WHERE NOT c.deleted
        AND (position(@name_key::text IN c.name_key) > 0
             OR c.id IN (SELECT d.client_id FROM client_domains d WHERE d.domain >= @domain_from AND d.domain < @domain_before))
      LIMIT @most) AS counted;

-- name: ResolveClients :many
SELECT id, external_id
FROM clients
WHERE NOT deleted AND (id = ANY (@ids::uuid[]) OR external_id = ANY (@external_ids::text[]))
ORDER BY id;

-- name: DropClientDomains :exec
DELETE FROM client_domains WHERE client_id = ANY (@ids::uuid[]);

-- name: CountClientsOfRun :one
SELECT count(*)::integer FROM clients WHERE created_by_run = @run;

-- name: RefreshClientColumns :exec
-- Makes the columns of the clients say which mapping is their earliest.
UPDATE clients c
SET entra_tenant_id = e.entra_tenant_id, entra_primary_domain = e.primary_domain, updated_at = @at
FROM (SELECT w.client_id, first.entra_tenant_id, first.primary_domain
      FROM (SELECT unnest(@ids::uuid[]) AS client_id) w
      LEFT JOIN LATERAL (
          SELECT m.entra_tenant_id, m.primary_domain
          FROM entra_client_tenant_mappings m
          WHERE m.client_id = w.client_id AND m.deactivated_at IS NULL AND m.state = 'mapped'
          ORDER BY m.decided_at, m.id
          LIMIT 1) first ON true) e
WHERE c.id = e.client_id
  AND (c.entra_tenant_id, c.entra_primary_domain) IS DISTINCT FROM (e.entra_tenant_id, e.primary_domain);
