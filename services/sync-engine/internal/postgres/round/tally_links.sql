-- name: tally_links
-- How many identities of the directory have a link and were there at the last round, and how many links
-- are active.
SELECT count(*) FILTER (WHERE l.gone_at IS NULL AND l.relink_client_id IS DISTINCT FROM @relink_client::uuid),
       count(*) FILTER (WHERE l.client_id = @client AND l.status = 'active')
FROM entra_contact_links l WHERE l.entra_tenant_id = @directory AND l.ended_at IS NULL;
