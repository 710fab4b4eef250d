-- name: PersonContacts :many
SELECT id, client_id, full_name, email, email_norm, entra_tenant_id, entra_object_id, entra_user_principal_name
FROM contacts
WHERE id = ANY (@ids::uuid[]) OR email_norm = NULLIF(@email::text, '')
ORDER BY id;

-- name: PersonLinks :many
SELECT entra_tenant_id, entra_object_id, contact_id, client_id
FROM entra_contact_links
WHERE contact_id = ANY (@contact_ids::uuid[]) OR entra_object_id = ANY (@object_ids::text[])
ORDER BY entra_tenant_id, entra_object_id;

-- name: PersonKept :many
-- Identities that are kept without a link, by their id or by one of their own addresses.
SELECT entra_tenant_id, entra_object_id, upn, (string_to_array(addresses, ' '))[1:own]::text[] AS addresses
FROM kept_identities
WHERE entra_object_id = ANY (@object_ids::text[]) OR @email::text = ANY ((string_to_array(addresses, ' '))[1:own])
ORDER BY entra_tenant_id, entra_object_id;

-- name: PersonReported :many
-- Identities of reports that have the address as their sign-in name.
SELECT DISTINCT entra_object_id FROM entra_run_identities
WHERE lower(user_principal_name) = NULLIF(@email::text, '') AND entra_object_id <> '';

-- name: SharedAddresses :many
-- Addresses that other contacts have too, or other identities of the directory: a person decides about
-- each of them.
SELECT email_norm::text AS address FROM contacts
WHERE email_norm = ANY (@addresses::text[]) AND id <> ALL (@ids::uuid[]) AND NOT deleted
UNION
SELECT a.address::text
FROM kept_identities m
CROSS JOIN LATERAL unnest((string_to_array(m.addresses, ' '))[1:m.own]) AS a (address)
JOIN kept_identities k ON k.entra_tenant_id = m.entra_tenant_id AND a.address = ANY ((string_to_array(k.addresses, ' '))[1:k.own])
WHERE m.entra_object_id = ANY (@object_ids::text[]) AND k.entra_object_id <> ALL (@object_ids::text[])
  AND m.failure IS NULL AND m.verdict IS NULL AND NOT m.linked AND k.failure IS NULL AND k.verdict IS NULL AND NOT k.linked;

-- name: PersonClients :many
-- The clients whose rounds may know the person.
SELECT c.client_id FROM contacts c WHERE c.id = ANY (@contact_ids::uuid[])
UNION
SELECT l.client_id FROM entra_contact_links l WHERE l.contact_id = ANY (@contact_ids::uuid[]) OR l.entra_object_id = ANY (@object_ids::text[])
UNION
SELECT d.client_id FROM directories d WHERE d.entra_tenant_id = ANY (@directory_ids::text[])
UNION
SELECT m.client_id FROM directory_mappings m WHERE m.entra_tenant_id = ANY (@directory_ids::text[]) AND m.client_id IS NOT NULL;

-- name: PersonRecords :many
-- All that is stored about a person, as documents.
SELECT 'contacts'::text AS source, to_jsonb(c) AS record FROM contacts c WHERE c.id = ANY (@contact_ids::uuid[])
UNION ALL
SELECT 'contact_versions', to_jsonb(v) FROM contact_versions v WHERE v.contact_id = ANY (@contact_ids::uuid[])
UNION ALL
SELECT 'contact_changes', to_jsonb(f) FROM contact_changes f WHERE f.contact_id = ANY (@contact_ids::uuid[])
UNION ALL
SELECT 'entra_contact_links', to_jsonb(l) FROM entra_contact_links l
WHERE l.contact_id = ANY (@contact_ids::uuid[]) OR l.entra_object_id = ANY (@object_ids::text[])
UNION ALL
SELECT 'entra_contact_link_history', to_jsonb(h) FROM entra_contact_link_history h
WHERE h.old_contact_id = ANY (@contact_ids::uuid[]) OR h.new_contact_id = ANY (@contact_ids::uuid[]) OR h.entra_object_id = ANY (@object_ids::text[])
UNION ALL
SELECT 'identity_resolutions', to_jsonb(r) FROM identity_resolutions r
WHERE r.contact_id = ANY (@contact_ids::uuid[]) OR r.entra_object_id = ANY (@object_ids::text[])
UNION ALL
SELECT 'kept_identities', to_jsonb(k) FROM kept_identities k WHERE k.entra_object_id = ANY (@object_ids::text[])
UNION ALL
SELECT 'held_identities', to_jsonb(i) FROM held_identities i WHERE i.entra_object_id = ANY (@object_ids::text[])
UNION ALL
SELECT 'rejected_inactivations', to_jsonb(i) FROM rejected_inactivations i WHERE i.entra_object_id = ANY (@object_ids::text[])
UNION ALL
SELECT 'entra_run_identities', to_jsonb(i) FROM entra_run_identities i
WHERE i.entra_object_id = ANY (@object_ids::text[]) OR i.contact_id = ANY (@contact_ids::uuid[]) OR lower(i.user_principal_name) = ANY (@texts::text[])
UNION ALL
SELECT 'entra_sync_run_tenants', jsonb_build_object('run_id', t.run_id, 'failures', f.failure)
FROM entra_sync_run_tenants t CROSS JOIN LATERAL jsonb_array_elements(t.failures) AS f (failure)
WHERE t.failures <> '[]' AND EXISTS (SELECT FROM unnest(@object_ids::text[]) AS o (id) WHERE strpos(f.failure::text, to_json(o.id)::text) > 0)
UNION ALL
SELECT 'entra_sync_settings', jsonb_build_object('always_include', s.always_include, 'never_include', s.never_include)
FROM entra_sync_settings s WHERE (s.always_include || s.never_include) && @texts::text[]
UNION ALL
SELECT 'managed_tenant_settings', jsonb_build_object('managed_tenant_id', s.managed_tenant_id, 'always_include', s.always_include, 'never_include', s.never_include)
FROM managed_tenant_settings s WHERE (COALESCE(s.always_include, '{}') || COALESCE(s.never_include, '{}')) && @texts::text[]
UNION ALL
SELECT 'settings_changes', to_jsonb(s) FROM settings_changes s
WHERE EXISTS (SELECT FROM unnest(@texts::text[]) AS o (text) WHERE strpos(s.before::text || s.after::text, to_json(o.text)::text) > 0);

-- name: InsertErasure :exec
INSERT INTO erasures (tenant_id, id, requested_by, reference, person, requested_at)
VALUES (@tenant_id, @id, @requested_by, @reference, @person, @requested_at);

-- name: InsertErasedMarks :exec
INSERT INTO erased_people (tenant_id, erasure_id, mark) SELECT @tenant_id::text, @erasure_id::uuid, m FROM unnest(@marks::bytea[]) AS m
ON CONFLICT DO NOTHING;

-- name: GetErasure :one
SELECT id, requested_by, reference, person, requested_at, completed_at, lifted_at, erased FROM erasures WHERE id = @id;

-- name: LockErasure :one
SELECT person FROM erasures WHERE id = @id FOR UPDATE;

-- name: ListErasures :many
SELECT id, requested_by, reference, person, requested_at, completed_at, lifted_at, erased
FROM erasures WHERE id < @before ORDER BY id DESC LIMIT @size;

-- name: ErasePerson :one
SELECT erase_person(@contact_ids::uuid[], @object_ids::text[], @directory_ids::text[], @texts::text[])::jsonb AS erased;

-- name: CompleteErasure :exec
UPDATE erasures SET person = NULL, completed_at = @now::timestamptz, erased = @erased::jsonb WHERE id = @id;

-- name: InsertErasedChanges :exec
INSERT INTO contact_changes (tenant_id, seq, type, source, contact_id, client_id, fields, at)
SELECT @tenant_id::text, CAST(@first_seq AS bigint) + r.ord - 1, 'contact.erased', 'person', r.contact_id, r.client_id, '{}', @at::timestamptz
FROM (SELECT generate_subscripts(@contact_ids::uuid[], 1) AS ord, unnest(@contact_ids::uuid[]) AS contact_id, unnest(@client_ids::uuid[]) AS client_id) r
ORDER BY r.ord;

-- name: ErasedMarks :many
SELECT DISTINCT mark FROM erased_people;

-- name: LiftErasure :execrows
UPDATE erasures SET lifted_at = COALESCE(lifted_at, @now::timestamptz) WHERE id = @id AND completed_at IS NOT NULL;

-- name: ForgetErasedMarks :exec
DELETE FROM erased_people WHERE erasure_id = @erasure_id;
