-- name: count
-- Adds a range's outcomes to the tenant's result; no row when the run was closed meanwhile. A run is not closed
-- before this transaction ends: what a range wrote is counted when the run ends, or not written.
UPDATE entra_sync_run_tenants t
SET created = created + @created, linked = linked + @linked, updated = updated + @updated, inactivated = inactivated + @inactivated,
    inactivated_gone = inactivated_gone + @inactivated_gone, reactivated = reactivated + @reactivated
FROM (SELECT id FROM entra_sync_runs WHERE id = @run AND state = 'running' FOR SHARE) r
WHERE t.run_id = r.id AND t.managed_tenant_id = @managed_tenant;
