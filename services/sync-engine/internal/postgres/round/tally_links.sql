-- name: tally_links
-- How many identities of the directory have a link and were there at the last round, and how many of
-- those are not inactive.
SELECT count(*), count(*) FILTER (WHERE l.status <> 'inactive')
FROM entra_contact_links l WHERE l.entra_tenant_id = @directory AND l.ended_at IS NULL AND l.gone_at IS NULL
  AND l.relink_client_id IS DISTINCT FROM @relink_client::uuid;
