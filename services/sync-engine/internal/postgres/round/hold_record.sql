-- name: HoldRecord
INSERT INTO held_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, reason)
SELECT $1, $2, $3, object_id, reason FROM plan WHERE action = 'inactivate' AND visible;
