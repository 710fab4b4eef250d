-- name: GetHeldDecision :one
SELECT decision, decided_by, decided_at, started_run_id FROM held_decisions WHERE run_id = @run_id AND managed_tenant_id = @managed_tenant_id;

-- name: ListHeldDecisions :many
SELECT managed_tenant_id, decision, decided_by, decided_at, started_run_id FROM held_decisions
WHERE run_id = @run_id AND managed_tenant_id = ANY (@managed_tenant_ids::text[]);

-- name: InsertHeldDecision :execrows
INSERT INTO held_decisions (tenant_id, run_id, managed_tenant_id, entra_tenant_id, decision, decided_by, decided_at, started_run_id)
VALUES (@tenant_id, @run_id, @managed_tenant_id, @entra_tenant_id, @decision, @decided_by, @decided_at, sqlc.narg(started_run_id))
ON CONFLICT DO NOTHING;

-- name: RejectInactivations :exec
-- Those whose inactivation was held stay active.
INSERT INTO rejected_inactivations (tenant_id, entra_tenant_id, entra_object_id, reason, run_id)
SELECT h.tenant_id, @entra_tenant_id, h.entra_object_id, h.reason, h.run_id
FROM held_identities h WHERE h.run_id = @run_id AND h.managed_tenant_id = @managed_tenant_id
ORDER BY h.entra_object_id
ON CONFLICT (tenant_id, entra_tenant_id, entra_object_id) DO UPDATE SET reason = EXCLUDED.reason, run_id = EXCLUDED.run_id;

-- name: ApproveListing :exec
INSERT INTO approved_listings (tenant_id, entra_tenant_id, run_id, approved_by, approved_at)
VALUES (@tenant_id, @entra_tenant_id, @run_id, @approved_by, @approved_at)
ON CONFLICT (tenant_id, entra_tenant_id) DO UPDATE
SET run_id = EXCLUDED.run_id, approved_by = EXCLUDED.approved_by, approved_at = EXCLUDED.approved_at;

-- name: ListingApproved :one
SELECT EXISTS (SELECT FROM approved_listings WHERE entra_tenant_id = @entra_tenant_id);

-- name: EndListingApproval :exec
DELETE FROM approved_listings WHERE entra_tenant_id = @entra_tenant_id;
