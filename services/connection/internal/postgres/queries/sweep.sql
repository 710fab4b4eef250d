-- name: SweepableTenants :many
SELECT DISTINCT tenant_id FROM sweepable WHERE since < @before ORDER BY tenant_id;

-- name: DestroyExpiredVerifiers :exec
UPDATE oauth_states SET sealed_verifier = NULL
WHERE tenant_id = @tenant_id AND expires_at < @now AND sealed_verifier IS NOT NULL;

-- name: DeleteOldStates :exec
DELETE FROM oauth_states WHERE tenant_id = @tenant_id AND expires_at < @before;

-- name: DestroyExpiredGrants :exec
UPDATE pending_grants SET sealed_grant = NULL
WHERE tenant_id = @tenant_id AND expires_at < @now AND sealed_grant IS NOT NULL;

-- name: DeleteOldGrants :exec
DELETE FROM pending_grants WHERE tenant_id = @tenant_id AND expires_at < @before;

-- name: DeleteUnusedSecrets :exec
DELETE FROM secrets s
WHERE s.tenant_id = @tenant_id AND s.created_at < @before
  AND NOT EXISTS (SELECT FROM entra_partner_connections c WHERE c.tenant_id = s.tenant_id AND c.secret_version = s.version)
  AND NOT EXISTS (SELECT FROM app_credentials a WHERE a.tenant_id = s.tenant_id AND a.secret_version = s.version);

-- name: EndedWorkTenants :many
SELECT DISTINCT tenant_id FROM ended_work WHERE since < @before::timestamptz ORDER BY tenant_id;

-- name: DeleteAckedEvents :exec
DELETE FROM status_events WHERE tenant_id = @tenant_id AND acked_at < @before::timestamptz;
