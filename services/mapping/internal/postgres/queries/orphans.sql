-- name: OrphanedLinks :one
SELECT COALESCE((SELECT links FROM entra_orphans WHERE managed_tenant_id = @managed_tenant_id), 0)::integer;

-- name: SetOrphanedLinks :exec
INSERT INTO entra_orphans (managed_tenant_id, links, updated_at)
VALUES (@managed_tenant_id, @links, @at)
ON CONFLICT (tenant_id, managed_tenant_id) DO UPDATE SET links = EXCLUDED.links, updated_at = EXCLUDED.updated_at;

-- name: LastMapping :one
-- The last decision about a managed tenant, in force or ended.
SELECT entra_tenant_id, state, client_id, revision, ended_revision, deactivated_at
FROM entra_client_tenant_mappings
WHERE managed_tenant_id = @managed_tenant_id
ORDER BY revision DESC
LIMIT 1;

-- name: PendingOrphanDecision :one
SELECT id, revision, decision
FROM entra_orphan_decisions
WHERE managed_tenant_id = @managed_tenant_id AND settled_at IS NULL;

-- name: AddOrphanDecision :exec
INSERT INTO entra_orphan_decisions (id, managed_tenant_id, client_id, revision, decision, decided_by, decided_at)
VALUES (@id, @managed_tenant_id, @client_id, @revision, @decision, @decided_by, @decided_at);

-- name: SettleOrphanDecision :exec
UPDATE entra_orphan_decisions
SET settled_at = @at, outcome = @outcome, error = @error, relinking = @relinking, left_links = @left_links, run_id = sqlc.narg(run_id)
WHERE id = @id AND settled_at IS NULL;

-- name: OrphanDecision :one
SELECT settled_at, outcome, error, relinking, left_links, run_id
FROM entra_orphan_decisions
WHERE id = @id;
