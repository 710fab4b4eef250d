DROP INDEX entra_sync_runs_ended;
