-- name: rejects_some
SELECT EXISTS (SELECT FROM rejected_inactivations j WHERE j.entra_tenant_id = @directory);
