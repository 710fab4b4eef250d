-- name: ApplyInsertLinks
-- $1 tenant, $2 directory, $3 client, $4 after n, $5 up to n, $6 now, $7 run
INSERT INTO entra_contact_links (tenant_id, entra_tenant_id, entra_object_id, contact_id, client_id, status,
    last_seen_at, last_synced_at, created_at, created_run_id)
SELECT $1, $2, p.object_id, p.contact_id, $3, 'active', $6, $6, $6, $7
FROM plan p
WHERE p.n > $4 AND p.n <= $5 AND p.action IN ('create', 'link')
ORDER BY p.n;
