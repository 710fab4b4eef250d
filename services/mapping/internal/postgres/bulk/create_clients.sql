-- name: CreateClients :exec
-- Adds the clients that a run makes of create_new decisions.
INSERT INTO clients
    (id, name, name_key, website, domain, alternative_domains, email_domains, billing_email, created_by_run,
     created_at, updated_at)
SELECT w.id, w.name, w.name_key, '', w.domain, '{}', '{}', '', $1, $2, $2
FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[]) AS w (id, name, name_key, domain);
