-- name: GetResolution :one
SELECT entra_tenant_id, entra_object_id, client_id, contact_id, created, decided_by
FROM identity_resolutions WHERE item_id = @item_id AND attempt = @attempt;

-- name: InsertResolution :exec
INSERT INTO identity_resolutions (tenant_id, item_id, attempt, entra_tenant_id, entra_object_id, client_id, contact_id, created,
    contact_version, was_inactive, was_inactivated_by_sync, decided_by, at)
VALUES (@tenant_id, @item_id, @attempt, @entra_tenant_id, @entra_object_id, @client_id, @contact_id, @created,
    @contact_version, @was_inactive, @was_inactivated_by_sync, @decided_by, @now::timestamptz);

-- name: GetResolvableContact :one
-- A contact is another identity's until that link has ended, as for a round.
SELECT c.client_id, c.deleted, c.inactive, c.inactivated_by_sync, c.version,
       EXISTS (
           SELECT FROM entra_contact_links l
           WHERE l.entra_tenant_id = c.entra_tenant_id AND l.entra_object_id = c.entra_object_id AND l.ended_at IS NULL
             AND (l.entra_tenant_id, l.entra_object_id) <> (@entra_tenant_id::text, @entra_object_id::text)
       )::boolean AS taken
FROM contacts c
WHERE c.id = @id;

-- name: LockContact :exec
SELECT id FROM contacts WHERE id = @id FOR UPDATE;

-- name: GetIdentityLink :one
SELECT contact_id, (ended_at IS NOT NULL OR relink_client_id IS NOT DISTINCT FROM @client_id::uuid)::boolean AS free
FROM entra_contact_links
WHERE entra_tenant_id = @entra_tenant_id AND entra_object_id = @entra_object_id;

-- name: GetWaitingLink :one
-- The link of an identity that waits for a contact of the client, at which client its old contact is now,
-- and whether that still shows the identity. No row where it waits for none.
SELECT l.contact_id, l.client_id, l.created_at, o.id AS decision_id, o.decided_by, c.client_id AS contact_client_id,
       COALESCE(c.entra_tenant_id = l.entra_tenant_id AND c.entra_object_id = l.entra_object_id, false)::boolean AS shown
FROM entra_contact_links l
JOIN contacts c ON c.id = l.contact_id
JOIN orphan_decisions o ON o.id = l.relink_decision_id
WHERE l.entra_tenant_id = @entra_tenant_id AND l.entra_object_id = @entra_object_id AND l.relink_client_id = @client_id::uuid
  AND l.ended_at IS NULL;

-- name: InsertRelinked :exec
INSERT INTO entra_contact_link_history (tenant_id, decision_id, entra_tenant_id, entra_object_id, event, old_contact_id, old_client_id,
    linked_at, new_contact_id, new_client_id, decided_by, at)
VALUES (@tenant_id, @decision_id, @entra_tenant_id, @entra_object_id, 'relinked', @old_contact_id, @old_client_id,
    @linked_at, @new_contact_id::uuid, @new_client_id::uuid, @decided_by, @now::timestamptz);

-- name: FreeRelinkedContact :one
-- As a round does where it relinks: the contact stays as it is, and is no longer shown as linked.
UPDATE contacts c
SET entra_tenant_id = NULL, entra_object_id = NULL, entra_sync_source = NULL, last_entra_sync_at = NULL, entra_user_principal_name = NULL,
    entra_account_enabled = NULL, entra_sync_status = NULL, entra_sync_status_reason = NULL, version = c.version + 1, updated_at = @now::timestamptz
WHERE c.id = @id
RETURNING c.version;

-- name: InsertResolvedContact :exec
-- Made by sync as far as the host is concerned, which may adopt it: its content is the directory's.
INSERT INTO contacts (tenant_id, id, client_id, full_name, name_key, email, email_norm, phone, role, sign_in_name, made_by,
    entra_tenant_id, entra_object_id, entra_sync_source, last_entra_sync_at, entra_user_principal_name, entra_account_enabled,
    entra_sync_status, created_at, updated_at)
VALUES (@tenant_id, @id, @client_id, @full_name, @name_key, @email, NULLIF(@email_norm::text, ''), @phone, @role, @sign_in_name, 'sync',
    @entra_tenant_id::text, @entra_object_id::text, 'entra_sync', @now::timestamptz, @upn::text, sqlc.narg(enabled),
    'active', @now::timestamptz, @now::timestamptz);

-- name: MarkResolvedContact :one
-- A match takes the markers and no other field, as in a round.
UPDATE contacts c
SET entra_tenant_id = @entra_tenant_id::text, entra_object_id = @entra_object_id::text, entra_sync_source = 'entra_sync',
    last_entra_sync_at = @now::timestamptz, entra_user_principal_name = @upn::text, entra_account_enabled = sqlc.narg(enabled),
    entra_sync_status = 'active', entra_sync_status_reason = NULL,
    inactive = c.inactive AND NOT c.inactivated_by_sync, inactivated_by_sync = false,
    version = c.version + 1, updated_at = @now::timestamptz
WHERE c.id = @id
RETURNING c.version;

-- name: LinkIdentity :execrows
-- A link that was ended, or that waits for a contact of the client, is reactivated; the latter is the same
-- link as before. No row when the identity is linked.
INSERT INTO entra_contact_links AS l (tenant_id, entra_tenant_id, entra_object_id, contact_id, client_id, status,
    last_seen_at, last_synced_at, created_at)
VALUES (@tenant_id, @entra_tenant_id, @entra_object_id, @contact_id, @client_id, 'active', @now::timestamptz, @now::timestamptz, @now::timestamptz)
ON CONFLICT (tenant_id, entra_tenant_id, entra_object_id) DO UPDATE
SET contact_id = EXCLUDED.contact_id, client_id = EXCLUDED.client_id, status = 'active', gone_at = NULL,
    ended_at = NULL, relink_client_id = NULL, relink_decision_id = NULL,
    last_seen_at = EXCLUDED.last_seen_at, last_synced_at = EXCLUDED.last_synced_at,
    created_at = CASE WHEN l.ended_at IS NULL THEN l.created_at ELSE EXCLUDED.created_at END,
    created_run_id = CASE WHEN l.ended_at IS NULL THEN l.created_run_id END
WHERE l.ended_at IS NOT NULL OR l.relink_client_id = EXCLUDED.client_id;

-- name: InsertPersonChange :exec
INSERT INTO contact_changes (tenant_id, seq, type, source, contact_id, client_id, version, link_status, fields, at)
VALUES (@tenant_id, @seq, @type, 'person', @contact_id::uuid, @client_id::uuid, @version::bigint, @link_status::text, @fields, @at::timestamptz);

-- name: GetUndoable :one
-- A resolution, and whether its contact and its link are as it left them.
SELECT r.entra_tenant_id, r.entra_object_id, r.client_id, r.contact_id, r.created, r.was_inactive, r.was_inactivated_by_sync,
       (r.undone_at IS NOT NULL)::boolean AS undone,
       COALESCE(c.version = r.contact_version AND NOT c.deleted AND c.client_id = r.client_id
           AND c.entra_tenant_id = r.entra_tenant_id AND c.entra_object_id = r.entra_object_id
           AND l.contact_id = r.contact_id AND l.status = 'active' AND l.ended_at IS NULL, false)::boolean AS untouched
FROM identity_resolutions r
JOIN contacts c ON c.id = r.contact_id
LEFT JOIN entra_contact_links l ON l.entra_tenant_id = r.entra_tenant_id AND l.entra_object_id = r.entra_object_id
WHERE r.item_id = @item_id AND r.attempt = @attempt;

-- name: EndResolvedLink :exec
UPDATE entra_contact_links
SET status = 'orphaned', ended_at = @now::timestamptz
WHERE entra_tenant_id = @entra_tenant_id AND entra_object_id = @entra_object_id;

-- name: FreeResolvedContact :one
-- As it was before the resolution; one that it made is deleted.
UPDATE contacts c
SET entra_tenant_id = NULL, entra_object_id = NULL, entra_sync_source = NULL, last_entra_sync_at = NULL, entra_user_principal_name = NULL,
    entra_account_enabled = NULL, entra_sync_status = NULL, entra_sync_status_reason = NULL,
    inactive = @was_inactive, inactivated_by_sync = @was_inactivated_by_sync, deleted = @created,
    version = c.version + 1, updated_at = @now::timestamptz
WHERE c.id = @id
RETURNING c.version;

-- name: MarkUndone :exec
UPDATE identity_resolutions
SET undone_at = @now::timestamptz, undone_by = @undone_by, undone_seq = @undone_seq
WHERE item_id = @item_id AND attempt = @attempt;

-- name: InsertUnlinkedChange :exec
INSERT INTO contact_changes (tenant_id, seq, type, source, contact_id, client_id, version, fields, at)
VALUES (@tenant_id, @seq, @type, 'person', @contact_id::uuid, @client_id::uuid, @version::bigint, @fields, @at::timestamptz);
