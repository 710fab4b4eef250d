-- The gateway asks for syncs that ended since a time, in the order in which they ended, every few seconds
-- for each webhook that is told of them.
CREATE INDEX entra_sync_runs_ended ON entra_sync_runs (tenant_id, completed_at, id)
    WHERE completed_at IS NOT NULL AND NOT dry_run AND type <> 'discovery';
