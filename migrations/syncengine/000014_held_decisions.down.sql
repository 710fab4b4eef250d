DROP TABLE held_decisions, rejected_inactivations, approved_listings;
-- A run of an approval is an ordinary one of its client, and open ones of a client may be one alone.
ALTER TABLE entra_sync_runs NO FORCE ROW LEVEL SECURITY;
UPDATE entra_sync_runs SET state = 'cancelled', completed_at = now() WHERE managed_tenant_id IS NOT NULL AND state IN ('queued', 'running');
ALTER TABLE entra_sync_runs DROP CONSTRAINT entra_sync_runs_scope, DROP CONSTRAINT entra_sync_runs_approves;
UPDATE entra_sync_runs SET scope = client_id::text WHERE managed_tenant_id IS NOT NULL;
ALTER TABLE entra_sync_runs FORCE ROW LEVEL SECURITY;
ALTER TABLE entra_sync_runs
    DROP COLUMN managed_tenant_id, DROP COLUMN approves_run_id, DROP COLUMN approves_reason,
    ADD CONSTRAINT entra_sync_runs_check2 CHECK (scope = COALESCE(client_id::text, ''));
