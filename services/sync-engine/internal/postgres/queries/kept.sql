-- name: LinkedIdentities :many
-- Those of a directory's identities that have a link, of whatever status.
SELECT entra_object_id FROM entra_contact_links
WHERE entra_tenant_id = @entra_tenant_id AND entra_object_id = ANY (@object_ids::text[]) AND ended_at IS NULL;

-- name: ListKeptUsers :many
-- Whom a directory's last round left out, or about whom a person decides, in order. Records that could
-- not be taken are none.
SELECT entra_object_id, properties, upn, enabled, full_name, named, email, mailed, user_type, licences
FROM kept_identities
WHERE entra_tenant_id = @entra_tenant_id AND entra_object_id > @after AND failure IS NULL
ORDER BY entra_object_id
LIMIT @size;
