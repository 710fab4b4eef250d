-- name: count
-- Adds a range's outcomes to the tenant's result; no row when the run was closed meanwhile.
UPDATE entra_sync_run_tenants t
SET created = created + @created, linked = linked + @linked, updated = updated + @updated, inactivated = inactivated + @inactivated,
    inactivated_gone = inactivated_gone + @inactivated_gone, reactivated = reactivated + @reactivated
FROM entra_sync_runs r
WHERE t.run_id = @run AND t.managed_tenant_id = @managed_tenant AND r.id = t.run_id AND r.state = 'running';
