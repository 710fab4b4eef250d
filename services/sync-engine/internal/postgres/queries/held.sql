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
-- Those whose inactivation was held stay active, as far as they are still gone or disabled: upstream has
-- changed the others since. Of one that a filter hits, what is kept says whether it is enabled; its contact
-- does not.
INSERT INTO rejected_inactivations (tenant_id, entra_tenant_id, entra_object_id, reason, run_id)
SELECT h.tenant_id, @entra_tenant_id, h.entra_object_id, h.reason, h.run_id
FROM held_identities h
JOIN entra_contact_links l ON l.entra_tenant_id = @entra_tenant_id AND l.entra_object_id = h.entra_object_id AND l.ended_at IS NULL
JOIN contacts c ON c.id = l.contact_id
WHERE h.run_id = @run_id AND h.managed_tenant_id = @managed_tenant_id AND l.status <> 'inactive'
  AND CASE h.reason
      WHEN 'deleted_upstream' THEN l.gone_at IS NOT NULL
      ELSE l.gone_at IS NULL AND c.entra_account_enabled IS FALSE AND NOT EXISTS (
          SELECT FROM kept_identities k
          WHERE k.entra_tenant_id = @entra_tenant_id AND k.entra_object_id = h.entra_object_id
            AND k.failure IS NULL AND k.verdict IS DISTINCT FROM 'account_disabled') END
ORDER BY h.entra_object_id
ON CONFLICT (tenant_id, entra_tenant_id, entra_object_id) DO UPDATE SET reason = EXCLUDED.reason, run_id = EXCLUDED.run_id;

-- name: EndRejections :exec
-- Of those whose inactivation was held, which is approved by now.
DELETE FROM rejected_inactivations
WHERE entra_tenant_id = @entra_tenant_id AND entra_object_id IN (
    SELECT h.entra_object_id FROM held_identities h WHERE h.run_id = @run_id AND h.managed_tenant_id = @managed_tenant_id);

-- name: EndAllRejections :exec
-- Of a directory whose listing as a whole is approved.
DELETE FROM rejected_inactivations WHERE entra_tenant_id = @entra_tenant_id;

-- name: ApproveListing :exec
INSERT INTO approved_listings (tenant_id, entra_tenant_id, run_id, approved_by, approved_at)
VALUES (@tenant_id, @entra_tenant_id, @run_id, @approved_by, @approved_at)
ON CONFLICT (tenant_id, entra_tenant_id) DO UPDATE
SET run_id = EXCLUDED.run_id, approved_by = EXCLUDED.approved_by, approved_at = EXCLUDED.approved_at;

-- name: ListingApproved :one
SELECT EXISTS (SELECT FROM approved_listings WHERE entra_tenant_id = @entra_tenant_id);

-- name: EndListingApproval :exec
DELETE FROM approved_listings WHERE entra_tenant_id = @entra_tenant_id;
