-- Who is kept is found by an address, by the sign-in name and by the beginning of the name. The sign-in
-- name stands there in lower case too: the condition must be an equality, which row-level security lets
-- an index answer.
ALTER TABLE kept_identities ADD COLUMN upn_key text COLLATE "C" GENERATED ALWAYS AS (lower(upn)) STORED;
CREATE INDEX kept_identities_email ON kept_identities (email_norm, tenant_id) WHERE NOT linked AND email_norm IS NOT NULL;
CREATE INDEX kept_identities_upn ON kept_identities (upn_key, tenant_id) WHERE NOT linked;
CREATE INDEX kept_identities_name ON kept_identities (tenant_id, name_key, entra_object_id) WHERE NOT linked;
