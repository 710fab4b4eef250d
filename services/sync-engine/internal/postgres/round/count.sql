-- name: Count
-- Adds a range's outcomes to the tenant's result; no row when the run was closed meanwhile.
UPDATE entra_sync_run_tenants t
SET created = created + $3, linked = linked + $4, updated = updated + $5, inactivated = inactivated + $6,
    inactivated_gone = inactivated_gone + $7, reactivated = reactivated + $8
FROM entra_sync_runs r
WHERE t.run_id = $1 AND t.managed_tenant_id = $2 AND r.id = t.run_id AND r.state = 'running';
