-- name: HoldRecord
-- $1 tenant, $2 run, $3 managed tenant, $4 after n, $5 up to n
INSERT INTO held_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, reason)
SELECT $1, $2, $3, object_id, reason FROM plan
WHERE n > $4 AND n <= $5 AND action = 'inactivate' AND visible;
