ALTER TABLE entra_sync_run_tenants DROP COLUMN report_run_id;
