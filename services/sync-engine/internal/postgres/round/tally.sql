-- name: Tally
SELECT count(*), count(*) FILTER (WHERE failure IS NOT NULL), count(*) FILTER (WHERE failure IS NULL AND verdict IS NULL), count(*) FILTER (WHERE nameless),
       (SELECT count(*) FROM entra_contact_links l WHERE l.entra_tenant_id = $1 AND l.client_id = $2 AND l.status = 'active')
FROM stage;
