-- name: HoldClear
-- What an earlier attempt recorded, which may have seen another listing.
DELETE FROM held_identities WHERE run_id = $1 AND managed_tenant_id = $2;
