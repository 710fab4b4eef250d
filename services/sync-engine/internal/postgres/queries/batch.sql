-- name: ClientsOfContacts :many
SELECT c.client_id FROM contacts c WHERE c.id = ANY (@ids::uuid[])
UNION
SELECT x.client_id FROM unnest(@external_ids::text[]) AS e (id)
CROSS JOIN LATERAL (SELECT c.client_id FROM contacts c WHERE c.external_id = e.id LIMIT 1) x;

-- name: ClientsOfLinks :many
-- Whose rounds decide anew about the identities of these contacts when they are deleted: of the clients
-- that their links are with, and of those that the directories are mapped to by now. A contact may be at
-- another client than both.
SELECT DISTINCT x.client_id::uuid AS client_id
FROM (
    SELECT unnest(@ids::uuid[]) AS id
    UNION ALL
    SELECT c.id FROM unnest(@external_ids::text[]) AS e (id)
    CROSS JOIN LATERAL (SELECT c.id FROM contacts c WHERE c.external_id = e.id LIMIT 1) c
) d
CROSS JOIN LATERAL (SELECT c.entra_tenant_id, c.entra_object_id FROM contacts c WHERE c.id = d.id AND c.entra_object_id IS NOT NULL LIMIT 1) c
CROSS JOIN LATERAL (
    (SELECT l.client_id FROM entra_contact_links l WHERE l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = c.entra_object_id LIMIT 1)
    UNION ALL
    (SELECT m.client_id FROM directory_mappings m WHERE m.entra_tenant_id = c.entra_tenant_id AND m.client_id IS NOT NULL LIMIT 1)
) x;

-- name: RaiseClientHeads :exec
-- In order, so that two batches never wait for each other in a circle.
INSERT INTO client_heads (tenant_id, client_id, revision)
SELECT @tenant_id::text, c, 1 FROM unnest(@client_ids::uuid[]) AS c ORDER BY c
ON CONFLICT (tenant_id, client_id) DO UPDATE SET revision = client_heads.revision + 1;

-- name: FindByID :many
SELECT id, client_id, external_id, full_name, name_key, email, email_norm, phone, role, inactive, deleted, inactivated_by_sync, made_by, version,
       (entra_object_id IS NOT NULL)::boolean AS linked
FROM contacts WHERE id = ANY (@ids::uuid[])
ORDER BY id FOR UPDATE;

-- name: FindByExternalID :many
-- One look-up each: a table that was never analysed would be read from end to end.
SELECT id, client_id, external_id, full_name, name_key, email, email_norm, phone, role, inactive, deleted, inactivated_by_sync, made_by, version,
       (entra_object_id IS NOT NULL)::boolean AS linked
FROM contacts
WHERE id = ANY (ARRAY(
    SELECT x.id FROM unnest(@external_ids::text[]) AS e (id)
    CROSS JOIN LATERAL (SELECT c.id FROM contacts c WHERE c.external_id = e.id LIMIT 1) x))
ORDER BY id FOR UPDATE;

-- name: FindAdoptable :many
SELECT id, client_id, external_id, full_name, name_key, email, email_norm, phone, role, inactive, deleted, inactivated_by_sync, made_by, version,
       (entra_object_id IS NOT NULL)::boolean AS linked
FROM contacts
WHERE id = ANY (ARRAY(
    SELECT x.id FROM unnest(@emails::text[]) AS e (address)
    CROSS JOIN LATERAL (
        SELECT c.id FROM contacts c
        WHERE c.email_norm = e.address AND (c.client_id = ANY (@client_ids::uuid[])) IS TRUE AND c.external_id IS NULL AND c.made_by = 'sync'
          AND NOT c.deleted
        OFFSET 0
    ) x))
ORDER BY id FOR UPDATE;

-- name: InsertContacts :exec
INSERT INTO contacts (tenant_id, id, client_id, external_id, full_name, name_key, email, email_norm, phone, role, inactive, made_by,
    created_at, updated_at)
SELECT @tenant_id::text, r.id, r.client_id, NULLIF(r.external_id, ''), r.full_name, r.name_key, r.email, NULLIF(r.email_norm, ''), r.phone, r.role,
    r.inactive, 'host', @now::timestamptz, @now::timestamptz
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@client_ids::uuid[]) AS client_id, unnest(@external_ids::text[]) AS external_id,
             unnest(@full_names::text[]) AS full_name, unnest(@name_keys::text[]) AS name_key, unnest(@emails::text[]) AS email,
             unnest(@email_norms::text[]) AS email_norm, unnest(@phones::text[]) AS phone, unnest(@roles::text[]) AS role,
             unnest(@inactive::boolean[]) AS inactive) r
ORDER BY r.id;

-- name: UpdateContacts :exec
-- A deleted contact shows no link from the version on in which it is deleted: batch_end_links has ended it.
UPDATE contacts c
SET client_id = r.client_id, external_id = NULLIF(r.external_id, ''), full_name = r.full_name, name_key = r.name_key, email = r.email,
    email_norm = NULLIF(r.email_norm, ''), phone = r.phone, role = r.role, inactive = r.inactive, deleted = r.deleted,
    inactivated_by_sync = r.inactivated_by_sync, version = r.version, updated_at = @now::timestamptz,
    entra_tenant_id = CASE WHEN NOT r.deleted THEN c.entra_tenant_id END, entra_object_id = CASE WHEN NOT r.deleted THEN c.entra_object_id END,
    entra_sync_source = CASE WHEN NOT r.deleted THEN c.entra_sync_source END, last_entra_sync_at = CASE WHEN NOT r.deleted THEN c.last_entra_sync_at END,
    entra_user_principal_name = CASE WHEN NOT r.deleted THEN c.entra_user_principal_name END,
    entra_account_enabled = CASE WHEN NOT r.deleted THEN c.entra_account_enabled END,
    entra_sync_status = CASE WHEN NOT r.deleted THEN c.entra_sync_status END,
    entra_sync_status_reason = CASE WHEN NOT r.deleted THEN c.entra_sync_status_reason END
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@client_ids::uuid[]) AS client_id, unnest(@external_ids::text[]) AS external_id,
             unnest(@full_names::text[]) AS full_name, unnest(@name_keys::text[]) AS name_key, unnest(@emails::text[]) AS email,
             unnest(@email_norms::text[]) AS email_norm, unnest(@phones::text[]) AS phone, unnest(@roles::text[]) AS role,
             unnest(@inactive::boolean[]) AS inactive, unnest(@deleted::boolean[]) AS deleted,
             unnest(@inactivated_by_sync::boolean[]) AS inactivated_by_sync, unnest(@versions::bigint[]) AS version) r
WHERE c.id = r.id;

-- name: AdvanceFeed :one
-- The number of the last of so many changes, and the time of all of them: now, or that of the change before
-- where a clock is behind.
INSERT INTO feed_heads (tenant_id, seq, at) VALUES (@tenant_id::text, @count::bigint, @now::timestamptz)
ON CONFLICT (tenant_id) DO UPDATE SET seq = feed_heads.seq + EXCLUDED.seq, at = GREATEST(feed_heads.at, EXCLUDED.at)
RETURNING seq, at;

-- name: InsertChanges :exec
-- fields are joined by commas: arrays of arrays must not be ragged. The status of a contact's link
-- stands in the link; nobody changes it while we hold the client's head.
INSERT INTO contact_changes (tenant_id, seq, type, source, contact_id, client_id, version, link_status, fields, at)
SELECT @tenant_id::text, CAST(@first_seq AS bigint) + r.ord - 1, r.type, 'host', r.contact_id, r.client_id, r.version,
       (SELECT l.status FROM contacts c JOIN entra_contact_links l ON l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = c.entra_object_id
        WHERE c.id = r.contact_id LIMIT 1),
       string_to_array(r.fields, ','), @at::timestamptz
FROM (SELECT generate_subscripts(@types::text[], 1) AS ord, unnest(@types::text[]) AS type, unnest(@contact_ids::uuid[]) AS contact_id,
             unnest(@client_ids::uuid[]) AS client_id, unnest(@versions::bigint[]) AS version, unnest(@fields::text[]) AS fields) r
ORDER BY r.ord;
