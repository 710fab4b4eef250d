-- name: hold_record
INSERT INTO held_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, reason)
SELECT @tenant, @run, @managed_tenant, object_id, reason FROM plan
WHERE n > @after AND n <= @up_to AND action = 'inactivate' AND visible AND NOT approved;
