-- name: FindIdentitiesByID :many
-- In which directories an object id is known: as one with a link, or one that is kept.
SELECT d.managed_tenant_id, d.entra_tenant_id, f.entra_object_id::text AS entra_object_id, f.full_name, f.upn
FROM directories d
CROSS JOIN LATERAL (
    SELECT l.entra_object_id, c.full_name, COALESCE(c.entra_user_principal_name, '') AS upn
    FROM entra_contact_links l JOIN contacts c ON c.id = l.contact_id
    WHERE l.entra_tenant_id = d.entra_tenant_id AND l.entra_object_id = @object_id AND l.ended_at IS NULL
    UNION
    SELECT k.entra_object_id, k.full_name, k.upn
    FROM kept_identities k
    WHERE k.entra_tenant_id = d.entra_tenant_id AND k.entra_object_id = @object_id AND NOT k.linked
    LIMIT 1
) f
WHERE (sqlc.narg(managed_tenant_id)::text IS NULL OR d.managed_tenant_id = sqlc.narg(managed_tenant_id))
ORDER BY d.entra_tenant_id LIMIT @most;

-- name: FindIdentitiesByAddress :many
-- The identities that have an address, or sign in by it, as far as it is known: of one with a link, by the
-- contact's address and the sign-in name as of the last sync; of one without, as it is kept.
SELECT d.managed_tenant_id, d.entra_tenant_id, f.entra_object_id::text AS entra_object_id, f.full_name, f.upn
FROM (
    SELECT c.entra_tenant_id, c.entra_object_id, c.full_name, COALESCE(c.entra_user_principal_name, '') AS upn
    FROM contacts c
    WHERE c.email_norm = @address::text AND c.entra_object_id IS NOT NULL AND NOT c.deleted
    UNION
    SELECT c.entra_tenant_id, c.entra_object_id, c.full_name, COALESCE(c.entra_user_principal_name, '') AS upn
    FROM contacts c
    WHERE c.upn_key = @address::text AND c.entra_object_id IS NOT NULL AND NOT c.deleted
    UNION
    SELECT k.entra_tenant_id, k.entra_object_id, k.full_name, k.upn
    FROM kept_identities k
    WHERE k.email_norm = @address::text AND NOT k.linked
    UNION
    SELECT k.entra_tenant_id, k.entra_object_id, k.full_name, k.upn
    FROM kept_identities k
    WHERE k.upn_key = @address::text AND NOT k.linked
) f
JOIN directories d ON d.entra_tenant_id = f.entra_tenant_id
WHERE (sqlc.narg(managed_tenant_id)::text IS NULL OR d.managed_tenant_id = sqlc.narg(managed_tenant_id))
ORDER BY f.full_name, f.entra_object_id LIMIT @most;

-- name: FindIdentitiesBySignInName :many
-- The identities that sign in by a name, as far as it is known, as FindIdentitiesByAddress. Where it is the
-- contact's address too, upn_key does not say it again.
SELECT d.managed_tenant_id, d.entra_tenant_id, f.entra_object_id::text AS entra_object_id, f.full_name, f.upn
FROM (
    SELECT c.entra_tenant_id, c.entra_object_id, c.full_name, COALESCE(c.entra_user_principal_name, '') AS upn
    FROM contacts c
    WHERE c.email_norm = @sign_in_name::text AND lower(c.entra_user_principal_name) = @sign_in_name
      AND c.entra_object_id IS NOT NULL AND NOT c.deleted
    UNION
    SELECT c.entra_tenant_id, c.entra_object_id, c.full_name, COALESCE(c.entra_user_principal_name, '') AS upn
    FROM contacts c
    WHERE c.upn_key = @sign_in_name::text AND c.entra_object_id IS NOT NULL AND NOT c.deleted
    UNION
    SELECT k.entra_tenant_id, k.entra_object_id, k.full_name, k.upn
    FROM kept_identities k
    WHERE k.upn_key = @sign_in_name::text AND NOT k.linked
) f
JOIN directories d ON d.entra_tenant_id = f.entra_tenant_id
WHERE (sqlc.narg(managed_tenant_id)::text IS NULL OR d.managed_tenant_id = sqlc.narg(managed_tenant_id))
ORDER BY f.full_name, f.entra_object_id LIMIT @most;

-- name: FindIdentitiesByName :many
-- Whose name begins so, as FindIdentitiesByAddress.
SELECT d.managed_tenant_id, d.entra_tenant_id, f.entra_object_id::text AS entra_object_id, f.full_name, f.upn
FROM (
    (SELECT c.entra_tenant_id, c.entra_object_id, c.full_name, COALESCE(c.entra_user_principal_name, '') AS upn
    FROM contacts c
    WHERE c.name_key >= @name_from AND c.name_key < @name_to AND c.entra_object_id IS NOT NULL AND NOT c.deleted
      AND (sqlc.narg(managed_tenant_id)::text IS NULL OR c.entra_tenant_id IN (
          SELECT o.entra_tenant_id FROM directories o WHERE o.managed_tenant_id = sqlc.narg(managed_tenant_id)))
    ORDER BY c.name_key, c.id LIMIT @most)
    UNION
    (SELECT k.entra_tenant_id, k.entra_object_id, k.full_name, k.upn
    FROM kept_identities k
    WHERE k.name_key >= @name_from AND k.name_key < @name_to AND NOT k.linked
      AND (sqlc.narg(managed_tenant_id)::text IS NULL OR k.entra_tenant_id IN (
          SELECT o.entra_tenant_id FROM directories o WHERE o.managed_tenant_id = sqlc.narg(managed_tenant_id)))
    ORDER BY k.name_key, k.entra_object_id LIMIT @most)
) f
JOIN directories d ON d.entra_tenant_id = f.entra_tenant_id
ORDER BY f.full_name, f.entra_object_id LIMIT @most;
