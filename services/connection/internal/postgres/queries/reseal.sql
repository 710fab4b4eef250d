-- name: TenantsSealedBy :many
SELECT DISTINCT tenant_id FROM sealing_keys WHERE key_id = ANY(@key_ids::bigint[]) ORDER BY tenant_id;

-- name: SealedValues :many
SELECT key_id, count(*) AS total FROM sealing_keys GROUP BY key_id ORDER BY key_id;

-- name: SecretsSealedBy :many
-- A page behind a row. Another replica that seals the same rows again is not waited
-- for.
SELECT key, version, sealed FROM secrets
WHERE tenant_id = @tenant_id AND key_id = ANY(@key_ids::bigint[]) AND (key, version) > (@after_key::text, @after_version::text)
ORDER BY key, version
LIMIT @max_rows
FOR UPDATE SKIP LOCKED;

-- name: ResealSecret :exec
UPDATE secrets SET sealed = @sealed, key_id = @key_id
WHERE tenant_id = @tenant_id AND key = @key AND version = @version;

-- name: VerifiersSealedBy :many
SELECT id, sealed_verifier AS sealed FROM oauth_states
WHERE tenant_id = @tenant_id AND key_id = ANY(@key_ids::bigint[]) AND id > @after_id
ORDER BY id
LIMIT @max_rows
FOR UPDATE SKIP LOCKED;

-- name: ResealVerifier :exec
UPDATE oauth_states SET sealed_verifier = @sealed WHERE tenant_id = @tenant_id AND id = @id;

-- name: GrantsSealedBy :many
SELECT id, sealed_grant AS sealed FROM pending_grants
WHERE tenant_id = @tenant_id AND key_id = ANY(@key_ids::bigint[]) AND id > @after_id
ORDER BY id
LIMIT @max_rows
FOR UPDATE SKIP LOCKED;

-- name: ResealGrant :exec
UPDATE pending_grants SET sealed_grant = @sealed WHERE tenant_id = @tenant_id AND id = @id;
