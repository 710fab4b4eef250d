-- name: tally
SELECT count(*), count(*) FILTER (WHERE failure IS NOT NULL), count(*) FILTER (WHERE failure IS NULL AND verdict IS NULL), count(*) FILTER (WHERE nameless),
       (SELECT count(*) FROM entra_contact_links l WHERE l.entra_tenant_id = @directory AND l.client_id = @client AND l.status = 'active')
FROM stage;
