-- name: hold_clear
-- What an earlier attempt recorded, which may have seen another listing.
DELETE FROM held_identities WHERE run_id = @run AND managed_tenant_id = @managed_tenant;
