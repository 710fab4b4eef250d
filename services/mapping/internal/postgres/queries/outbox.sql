-- name: Effect :one
SELECT done_at, result FROM outbox WHERE id = @id;

-- name: RevisionOpen :one
-- Whether the engine has not applied a change of the mapping yet. Rows of earlier builds
-- have the managed tenant and no order key.
SELECT EXISTS (
    SELECT FROM outbox
    WHERE COALESCE(order_key, managed_tenant_id::text) = @managed_tenant_id::text AND done_at IS NULL AND kind = 'mapping_revised');
