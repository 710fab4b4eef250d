-- name: report_clear
-- What an earlier attempt of the round reported and did not write, which may have seen another listing.
-- One of a dry run wrote nothing.
DELETE FROM entra_run_identities
WHERE run_id = @run AND managed_tenant_id = @managed_tenant AND (@dry_run OR outcome NOT IN ('created', 'linked', 'updated', 'inactivated', 'reactivated'));
