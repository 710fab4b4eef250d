-- A run's managed tenants in the order of their groups, for those that are to be synced next.
CREATE INDEX entra_sync_run_tenants_groups ON entra_sync_run_tenants (tenant_id, run_id, group_no);
