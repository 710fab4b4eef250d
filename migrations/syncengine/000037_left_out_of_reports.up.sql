-- A run in which nothing changed shows those who failed or are kept out from an earlier run's report,
-- where they may be a few among a million. Who is held is looked for likewise.
CREATE INDEX entra_run_identities_left_out ON entra_run_identities (run_id, managed_tenant_id, entra_object_id, n)
    WHERE outcome IN ('failed', 'filtered', 'held');
