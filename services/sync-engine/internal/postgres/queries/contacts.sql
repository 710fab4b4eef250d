-- name: GetContact :one
SELECT id, client_id, external_id, full_name, name_key, email, phone, role, sign_in_name, inactive, deleted, version, entra_tenant_id, entra_object_id,
       entra_sync_source, last_entra_sync_at, entra_user_principal_name, entra_account_enabled,
       entra_sync_status, entra_sync_status_reason, link_status
FROM contact_details
WHERE id = @id;

-- name: ListContactsByName :many
-- In order of name. A filter that is null narrows nothing.
SELECT id, client_id, external_id, full_name, name_key, email, phone, role, sign_in_name, inactive, deleted, version, entra_tenant_id, entra_object_id,
       entra_sync_source, last_entra_sync_at, entra_user_principal_name, entra_account_enabled,
       entra_sync_status, entra_sync_status_reason, link_status
FROM contact_details
WHERE NOT deleted
  AND (name_key, id) > (@after_key::text, @after_id::uuid)
  AND (sqlc.narg(inactive)::boolean IS NULL OR inactive = sqlc.narg(inactive))
  AND (sqlc.narg(linked)::boolean IS NULL OR (entra_object_id IS NOT NULL) = sqlc.narg(linked))
ORDER BY name_key, id
LIMIT @size;

-- name: ListContactsOfClient :many
-- In order of id.
SELECT id, client_id, external_id, full_name, name_key, email, phone, role, sign_in_name, inactive, deleted, version, entra_tenant_id, entra_object_id,
       entra_sync_source, last_entra_sync_at, entra_user_principal_name, entra_account_enabled,
       entra_sync_status, entra_sync_status_reason, link_status
FROM contact_details
WHERE NOT deleted AND client_id = @client_id AND id > @after_id::uuid
  AND (sqlc.narg(inactive)::boolean IS NULL OR inactive = sqlc.narg(inactive))
  AND (sqlc.narg(linked)::boolean IS NULL OR (entra_object_id IS NOT NULL) = sqlc.narg(linked))
ORDER BY id
LIMIT @size;

-- name: SearchContacts :many
-- By the beginning of any word of the name, else of the address, in order of what was found: of the
-- name from that word on, or of the address. A contact that is found in several ways comes once, by
-- its name from its first word that fits. Most addresses begin as the name does: they are looked at
-- no further than the page goes, by a value that is a query of its own, since row-level security lets
-- no index look up a COALESCE.
WITH named AS MATERIALIZED (
    (
        SELECT c.name_key AS place, c.id FROM contacts c
        WHERE c.name_key >= @from_name::text AND c.name_key < @to_name::text AND (c.name_key, c.id) > (@after_name::text, @after_name_id::uuid)
          AND NOT c.deleted
          AND (sqlc.narg(inactive)::boolean IS NULL OR c.inactive = sqlc.narg(inactive))
          AND (sqlc.narg(linked)::boolean IS NULL OR (c.entra_object_id IS NOT NULL) = sqlc.narg(linked))
          AND (sqlc.narg(client_id)::uuid IS NULL OR c.client_id = sqlc.narg(client_id))
        ORDER BY c.name_key, c.id
        LIMIT @size
    )
    UNION ALL
    (
        SELECT p.part, p.contact_id FROM contact_name_parts p JOIN contacts c ON c.id = p.contact_id
        WHERE p.part >= @from_part::text AND p.part < @to_part::text AND (p.part, p.contact_id) > (@after_part::text, @after_part_id::uuid)
          AND p.part = left(substr(c.name_key, strpos(' ' || c.name_key, ' ' || @from_name::text)), 64)
          AND strpos(' ' || c.name_key, ' ' || @from_name::text) > 1
          AND NOT c.deleted
          AND (sqlc.narg(inactive)::boolean IS NULL OR c.inactive = sqlc.narg(inactive))
          AND (sqlc.narg(linked)::boolean IS NULL OR (c.entra_object_id IS NOT NULL) = sqlc.narg(linked))
          AND (sqlc.narg(client_id)::uuid IS NULL OR c.client_id = sqlc.narg(client_id))
        ORDER BY p.part, p.contact_id
        LIMIT @size
    )
), found AS (
    SELECT n.place, n.id FROM named n
    UNION ALL
    (
        SELECT c.email_norm, c.id FROM contacts c
        WHERE c.email_norm >= @from_address::text AND c.email_norm < @to_address::text AND (c.email_norm, c.id) > (@after_address::text, @after_address_id::uuid)
          AND c.email_norm <= (SELECT CASE WHEN count(*) = @size THEN max(p.place) ELSE @to_address::text END FROM (SELECT n.place FROM named n ORDER BY n.place LIMIT @size) p)
          AND strpos(' ' || c.name_key, ' ' || @from_name::text) = 0
          AND NOT c.deleted
          AND (sqlc.narg(inactive)::boolean IS NULL OR c.inactive = sqlc.narg(inactive))
          AND (sqlc.narg(linked)::boolean IS NULL OR (c.entra_object_id IS NOT NULL) = sqlc.narg(linked))
          AND (sqlc.narg(client_id)::uuid IS NULL OR c.client_id = sqlc.narg(client_id))
        ORDER BY c.email_norm, c.id
        LIMIT @size
    )
)
SELECT d.id, d.client_id, d.external_id, d.full_name, d.name_key, d.email, d.phone, d.role, d.sign_in_name, d.inactive, d.deleted, d.version, d.entra_tenant_id,
       d.entra_object_id, d.entra_sync_source, d.last_entra_sync_at, d.entra_user_principal_name, d.entra_account_enabled,
       d.entra_sync_status, d.entra_sync_status_reason, d.link_status, f.place::text AS place
FROM (SELECT place, id FROM found ORDER BY place, id LIMIT @size) f
JOIN contact_details d ON d.id = f.id
ORDER BY f.place, f.id;

-- name: SearchContactsOfClient :many
-- Likewise, of a client that has few, in order of id.
SELECT d.id, d.client_id, d.external_id, d.full_name, d.name_key, d.email, d.phone, d.role, d.sign_in_name, d.inactive, d.deleted, d.version, d.entra_tenant_id,
       d.entra_object_id, d.entra_sync_source, d.last_entra_sync_at, d.entra_user_principal_name, d.entra_account_enabled,
       d.entra_sync_status, d.entra_sync_status_reason, d.link_status
FROM contact_details d
WHERE NOT d.deleted AND d.client_id = @client_id AND d.id > @after_id::uuid
  AND (strpos(' ' || d.name_key, ' ' || @from_name::text) > 0 OR left(d.email_norm, length(@from_address::text)) = @from_address::text)
  AND (sqlc.narg(inactive)::boolean IS NULL OR d.inactive = sqlc.narg(inactive))
  AND (sqlc.narg(linked)::boolean IS NULL OR (d.entra_object_id IS NOT NULL) = sqlc.narg(linked))
ORDER BY d.id
LIMIT @size;

-- name: CountUpTo :one
-- How many contacts a client has, up to a bound.
SELECT count(*) FROM (SELECT FROM contacts WHERE client_id = @client_id LIMIT @bound) c;

-- name: CountContacts :one
-- Up to a bound.
SELECT count(*) FROM (
    SELECT FROM contacts
    WHERE NOT deleted
      AND (sqlc.narg(client_id)::uuid IS NULL OR client_id = sqlc.narg(client_id))
      AND (sqlc.narg(inactive)::boolean IS NULL OR inactive = sqlc.narg(inactive))
      AND (sqlc.narg(linked)::boolean IS NULL OR (entra_object_id IS NOT NULL) = sqlc.narg(linked))
    LIMIT @bound
) c;

-- name: CountFound :one
-- What a search finds, up to a bound: by names first, since most addresses begin as the name does.
SELECT count(*) FROM (
    SELECT FROM contacts c
    WHERE c.name_key >= @from_name::text AND c.name_key < @to_name::text
      AND NOT c.deleted
      AND (sqlc.narg(inactive)::boolean IS NULL OR c.inactive = sqlc.narg(inactive))
      AND (sqlc.narg(linked)::boolean IS NULL OR (c.entra_object_id IS NOT NULL) = sqlc.narg(linked))
      AND (sqlc.narg(client_id)::uuid IS NULL OR c.client_id = sqlc.narg(client_id))
    UNION ALL
    SELECT FROM contact_name_parts p JOIN contacts c ON c.id = p.contact_id
    WHERE p.part >= @from_part::text AND p.part < @to_part::text
      AND p.part = left(substr(c.name_key, strpos(' ' || c.name_key, ' ' || @from_name::text)), 64)
      AND strpos(' ' || c.name_key, ' ' || @from_name::text) > 1
      AND NOT c.deleted
      AND (sqlc.narg(inactive)::boolean IS NULL OR c.inactive = sqlc.narg(inactive))
      AND (sqlc.narg(linked)::boolean IS NULL OR (c.entra_object_id IS NOT NULL) = sqlc.narg(linked))
      AND (sqlc.narg(client_id)::uuid IS NULL OR c.client_id = sqlc.narg(client_id))
    UNION ALL
    SELECT FROM contacts c
    WHERE c.email_norm >= @from_address::text AND c.email_norm < @to_address::text
      AND strpos(' ' || c.name_key, ' ' || @from_name::text) = 0
      AND NOT c.deleted
      AND (sqlc.narg(inactive)::boolean IS NULL OR c.inactive = sqlc.narg(inactive))
      AND (sqlc.narg(linked)::boolean IS NULL OR (c.entra_object_id IS NOT NULL) = sqlc.narg(linked))
      AND (sqlc.narg(client_id)::uuid IS NULL OR c.client_id = sqlc.narg(client_id))
    LIMIT @bound
) f;
