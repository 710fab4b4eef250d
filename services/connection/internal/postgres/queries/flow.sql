-- name: InsertState :exec
-- session_hash is named as in the first release. It holds the id of the browser session.
INSERT INTO oauth_states (tenant_id, id, state_hash, user_id, session_hash, sealed_verifier, return_to, created_at, expires_at,
    kind, managed_tenant_id)
VALUES (@tenant_id, @id, @state_hash, @user_id, @session_hash, @sealed_verifier, @return_to, @created_at, @expires_at,
    @kind, sqlc.narg(managed_tenant_id));

-- name: ForgetOldStates :exec
-- A person has no use for more flows at once than a browser has tabs for them.
DELETE FROM oauth_states s
WHERE s.tenant_id = @tenant_id AND s.user_id = @user_id AND s.id NOT IN (
    SELECT n.id FROM oauth_states n WHERE n.tenant_id = @tenant_id AND n.user_id = @user_id ORDER BY n.created_at DESC, n.id DESC LIMIT @most);

-- name: TenantOfState :one
SELECT tenant_id FROM oauth_state_tenants WHERE state_hash = @state_hash;

-- name: LockState :one
SELECT id, user_id, session_hash, sealed_verifier, return_to, expires_at, consumed_at, kind, managed_tenant_id
FROM oauth_states
WHERE tenant_id = @tenant_id AND state_hash = @state_hash
FOR UPDATE;

-- name: ConsumeState :exec
UPDATE oauth_states SET consumed_at = @consumed_at::timestamptz, sealed_verifier = NULL
WHERE tenant_id = @tenant_id AND id = @id AND consumed_at IS NULL;

-- name: InsertPendingGrant :exec
INSERT INTO pending_grants (tenant_id, id, code_hash, user_id, sealed_grant, created_at, expires_at, client_id)
VALUES (@tenant_id, @id, @code_hash, @user_id, @sealed_grant, @created_at, @expires_at, @client_id);

-- name: PendingGrant :one
SELECT id, user_id, sealed_grant, expires_at, taken_at, client_id
FROM pending_grants
WHERE tenant_id = @tenant_id AND code_hash = @code_hash;

-- name: TakePendingGrant :execrows
UPDATE pending_grants SET taken_at = @taken_at::timestamptz, sealed_grant = NULL
WHERE tenant_id = @tenant_id AND id = @id AND taken_at IS NULL AND sealed_grant IS NOT NULL;

-- name: EndFlows :exec
-- A disconnect ends the flows under way, also those that have used their state up.
UPDATE oauth_states
SET ended_at = @ended_at::timestamptz, consumed_at = coalesce(consumed_at, @ended_at::timestamptz), sealed_verifier = NULL
WHERE tenant_id = @tenant_id AND kind = 'connect' AND ended_at IS NULL;

-- name: LockFlow :one
-- Until the transaction ends nobody ends the flow.
SELECT id FROM oauth_states WHERE tenant_id = @tenant_id AND id = @id AND ended_at IS NULL FOR SHARE;

-- name: DestroyPendingGrants :exec
-- A disconnect ends what has not been completed.
UPDATE pending_grants SET sealed_grant = NULL, taken_at = @taken_at::timestamptz
WHERE tenant_id = @tenant_id AND taken_at IS NULL;
