-- Of a round in which nothing changed: the run in whose report those stand who failed or whom a filter
-- keeps out, which are the same as then.
ALTER TABLE entra_sync_run_tenants ADD COLUMN report_run_id uuid;
