-- name: CurrentConnection :one
-- The active one, else the one that was disconnected last.
SELECT id, connection_type, status, partner_tenant_id, scope, secret_version, token_expires_at, connected_by,
    connected_at, last_validated_at, error_code, error_message, error_checked_at, client_id, customer_epoch
FROM entra_partner_connections
WHERE tenant_id = @tenant_id AND status <> 'replaced'
ORDER BY (status IN ('connected', 'validation_failed')) DESC, connected_at DESC, id DESC
LIMIT 1;

-- name: LockCurrent :one
-- The state that a change begins from: the active connection's, else that of the
-- one that was disconnected last.
SELECT id, status, connection_type
FROM entra_partner_connections
WHERE tenant_id = @tenant_id AND status <> 'replaced'
ORDER BY (status IN ('connected', 'validation_failed')) DESC, connected_at DESC, id DESC
LIMIT 1
FOR UPDATE;

-- name: LockActive :one
SELECT status, connection_type, secret_version, error_code
FROM entra_partner_connections
WHERE tenant_id = @tenant_id AND id = @id AND status IN ('connected', 'validation_failed')
FOR UPDATE;

-- name: ReplaceActive :exec
UPDATE entra_partner_connections
SET status = 'replaced', secret_version = NULL, token_expires_at = NULL, ended_at = @ended_at, ended_by = @ended_by
WHERE tenant_id = @tenant_id AND status IN ('connected', 'validation_failed');

-- name: InsertConnection :exec
INSERT INTO entra_partner_connections (tenant_id, id, connection_type, status, partner_tenant_id, scope, secret_version,
    token_expires_at, connected_by, connected_at, last_validated_at, client_id)
VALUES (@tenant_id, @id, @connection_type, 'connected', @partner_tenant_id, @scope, @secret_version::text,
    sqlc.narg(token_expires_at)::timestamptz, @connected_by, @connected_at, sqlc.narg(last_validated_at)::timestamptz, @client_id);

-- name: EndActive :execrows
UPDATE entra_partner_connections
SET status = 'disconnected', secret_version = NULL, token_expires_at = NULL, ended_at = @ended_at, ended_by = @ended_by
WHERE tenant_id = @tenant_id AND status IN ('connected', 'validation_failed');

-- name: SwapSecret :execrows
-- The commit of a refreshed token set: it happens only onto the version that
-- the refresh began with.
UPDATE entra_partner_connections
SET secret_version = @new_version::text, token_expires_at = @token_expires_at::timestamptz
WHERE tenant_id = @tenant_id AND id = @id AND secret_version = @old_version::text;

-- name: RecordValid :execrows
-- Not over a failure that was found after the proof had begun.
UPDATE entra_partner_connections
SET status = 'connected', last_validated_at = @checked_at::timestamptz, error_code = NULL, error_message = NULL, error_checked_at = NULL
WHERE tenant_id = @tenant_id AND id = @id AND status IN ('connected', 'validation_failed')
  AND (error_checked_at IS NULL OR error_checked_at <= @begun::timestamptz);

-- name: ClearFailure :exec
-- A fresh token set is the end of a failure to get one.
UPDATE entra_partner_connections
SET status = 'connected', error_code = NULL, error_message = NULL, error_checked_at = NULL
WHERE tenant_id = @tenant_id AND id = @id AND status = 'validation_failed';

-- name: RecordFailed :exec
-- Only while the token set is still the one that failed.
UPDATE entra_partner_connections
SET status = 'validation_failed', error_code = @code::text, error_message = @message::text, error_checked_at = @checked_at::timestamptz,
    last_validated_at = @checked_at::timestamptz
WHERE tenant_id = @tenant_id AND id = @id AND secret_version = @secret_version::text;

-- name: RaiseCustomerEpoch :exec
-- Tokens of managed tenants that any replica keeps are void from here on.
UPDATE entra_partner_connections SET customer_epoch = customer_epoch + 1
WHERE tenant_id = @tenant_id AND status IN ('connected', 'validation_failed');

-- name: ConnectedTenants :many
-- Of all tenants; at most one connection of each is active.
SELECT tenant_id FROM connected_tenants WHERE tenant_id > @after ORDER BY tenant_id LIMIT @size;
