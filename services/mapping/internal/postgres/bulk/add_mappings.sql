-- name: AddMappings :many
-- Adds decisions, each with the revision after the last one about its managed
-- tenant, and returns that.
INSERT INTO entra_client_tenant_mappings
    (id, managed_tenant_id, entra_tenant_id, display_name, name_key, primary_domain, state, client_id, score,
     revision, version, decided_by, decided_at)
SELECT w.id, w.managed_tenant_id, w.entra_tenant_id, w.display_name, w.name_key, w.primary_domain, w.state,
       w.client_id, w.score, COALESCE(r.last, 0) + 1, $1, w.decided_by, $2
FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::uuid[], $11::float8[],
            $12::text[])
     AS w (id, managed_tenant_id, entra_tenant_id, display_name, name_key, primary_domain, state, client_id, score, decided_by)
LEFT JOIN (SELECT managed_tenant_id, max(GREATEST(revision, ended_revision)) AS last
           FROM entra_client_tenant_mappings
           WHERE managed_tenant_id = ANY ($4::uuid[])
           GROUP BY managed_tenant_id) r ON r.managed_tenant_id = w.managed_tenant_id
RETURNING managed_tenant_id, revision;
