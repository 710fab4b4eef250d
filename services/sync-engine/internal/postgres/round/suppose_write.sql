-- name: suppose_write
INSERT INTO supposed (id, client_id, full_name, email, email_norm, inactive, entra_tenant_id, entra_object_id, upn)
SELECT s.id, @client, s.full_name, s.email, NULLIF(s.email_norm, ''), s.inactive, s.directory, s.object_id, s.upn
FROM unnest(@ids::uuid[], @names::text[], @emails::text[], @norm_emails::text[], @inactive::boolean[], @directories::text[], @objects::text[], @upns::text[])
    AS s (id, full_name, email, email_norm, inactive, directory, object_id, upn)
ON CONFLICT (id) DO NOTHING;
