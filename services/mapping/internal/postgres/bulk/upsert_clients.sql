-- name: UpsertClients :exec
-- Inserts or replaces clients, in one pass. An external id may be missing, or be given
-- to a client that had none. Lists travel as texts joined by the unit separator, which
-- no domain has.
INSERT INTO clients AS c
    (id, external_id, name, name_key, website, domain, alternative_domains, email_domains, billing_email, deleted,
     created_at, updated_at)
SELECT w.id, NULLIF(w.external_id, ''), w.name, w.name_key, w.website, w.domain,
       string_to_array(w.alternative_domains, E'\x1f'), string_to_array(w.email_domains, E'\x1f'),
       w.billing_email, w.deleted, $1, $1
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::boolean[])
     AS w (id, external_id, name, name_key, website, domain, alternative_domains, email_domains, billing_email, deleted)
ON CONFLICT (tenant_id, id) DO UPDATE
SET external_id = EXCLUDED.external_id, name = EXCLUDED.name, name_key = EXCLUDED.name_key, website = EXCLUDED.website, domain = EXCLUDED.domain,
    alternative_domains = EXCLUDED.alternative_domains, email_domains = EXCLUDED.email_domains,
    billing_email = EXCLUDED.billing_email, deleted = EXCLUDED.deleted, updated_at = EXCLUDED.updated_at;
