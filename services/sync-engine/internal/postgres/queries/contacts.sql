-- name: GetContact :one
SELECT id, client_id, external_id, full_name, name_key, email, phone, role, inactive, deleted, version, entra_tenant_id, entra_object_id,
       entra_sync_source, last_entra_sync_at, entra_user_principal_name, entra_account_enabled,
       entra_sync_status, entra_sync_status_reason, link_status
FROM contact_details
WHERE id = @id;

-- name: ListContactsByName :many
-- In order of name. A filter that is null narrows nothing.
SELECT id, client_id, external_id, full_name, name_key, email, phone, role, inactive, deleted, version, entra_tenant_id, entra_object_id,
       entra_sync_source, last_entra_sync_at, entra_user_principal_name, entra_account_enabled,
       entra_sync_status, entra_sync_status_reason, link_status
FROM contact_details
WHERE NOT deleted
  AND (name_key, id) > (@after_key::text, @after_id::uuid)
  AND name_key >= @name_from::text AND name_key < @name_to::text
  AND (sqlc.narg(client_id)::uuid IS NULL OR client_id = sqlc.narg(client_id))
  AND (sqlc.narg(inactive)::boolean IS NULL OR inactive = sqlc.narg(inactive))
  AND (sqlc.narg(linked)::boolean IS NULL OR (entra_object_id IS NOT NULL) = sqlc.narg(linked))
ORDER BY name_key, id
LIMIT @size;

-- name: ListContactsOfClient :many
-- In order of id.
SELECT id, client_id, external_id, full_name, name_key, email, phone, role, inactive, deleted, version, entra_tenant_id, entra_object_id,
       entra_sync_source, last_entra_sync_at, entra_user_principal_name, entra_account_enabled,
       entra_sync_status, entra_sync_status_reason, link_status
FROM contact_details
WHERE NOT deleted AND client_id = @client_id AND id > @after_id::uuid
  AND (sqlc.narg(inactive)::boolean IS NULL OR inactive = sqlc.narg(inactive))
  AND (sqlc.narg(linked)::boolean IS NULL OR (entra_object_id IS NOT NULL) = sqlc.narg(linked))
ORDER BY id
LIMIT @size;

-- name: ListContactsByEmail :many
-- All that have one address, in order of name.
SELECT id, client_id, external_id, full_name, name_key, email, phone, role, inactive, deleted, version, entra_tenant_id, entra_object_id,
       entra_sync_source, last_entra_sync_at, entra_user_principal_name, entra_account_enabled,
       entra_sync_status, entra_sync_status_reason, link_status
FROM contact_details
WHERE NOT deleted AND email_norm = @email_norm::text
  AND (name_key, id) > (@after_key::text, @after_id::uuid)
  AND (sqlc.narg(client_id)::uuid IS NULL OR client_id = sqlc.narg(client_id))
  AND (sqlc.narg(inactive)::boolean IS NULL OR inactive = sqlc.narg(inactive))
  AND (sqlc.narg(linked)::boolean IS NULL OR (entra_object_id IS NOT NULL) = sqlc.narg(linked))
ORDER BY name_key, id
LIMIT @size;

-- name: CountContacts :one
SELECT count(*)
FROM contacts
WHERE NOT deleted
  AND (sqlc.narg(email_norm)::text IS NULL OR email_norm = sqlc.narg(email_norm))
  AND name_key >= @name_from::text AND name_key < @name_to::text
  AND (sqlc.narg(client_id)::uuid IS NULL OR client_id = sqlc.narg(client_id))
  AND (sqlc.narg(inactive)::boolean IS NULL OR inactive = sqlc.narg(inactive))
  AND (sqlc.narg(linked)::boolean IS NULL OR (entra_object_id IS NOT NULL) = sqlc.narg(linked));

-- name: CountSynced :one
SELECT count(*) AS contacts, count(entra_object_id) AS linked FROM contacts WHERE NOT deleted;
