-- name: AddClientDomains :exec
INSERT INTO client_domains (client_id, domain)
SELECT d.client_id, d.domain
FROM unnest($1::uuid[], $2::text[]) AS d (client_id, domain);
