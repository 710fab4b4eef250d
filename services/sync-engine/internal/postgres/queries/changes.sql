-- name: FeedHead :one
-- The number of the tenant's last change; 0 before the first.
SELECT COALESCE(max(seq), 0)::bigint FROM feed_heads;

-- name: ListChanges :many
SELECT seq, type, source, contact_id, client_id, version, link_status, client, item, fields, run_id, at
FROM contact_changes
WHERE seq > @after
ORDER BY seq
LIMIT @size;

-- name: FeedBefore :one
-- The number of the first change of that time or later; 0 where there is none.
SELECT COALESCE(min(seq), 0)::bigint FROM contact_changes WHERE at >= @since::timestamptz;

-- name: ContactsAsOf :many
-- Contacts as they were in these versions: each stands in contacts until it is written again, and
-- from that commit on among the versions. Version 0 asks for the present one. Versions that were kept
-- without the sign-in name are told with the present one: a reader of all entries ends with that. Of the
-- version in which a linked contact was deleted, earlier releases kept two states, the first with its link:
-- the right one comes last.
SELECT f.asked, f.id, f.client_id, f.external_id, f.full_name, f.email, f.phone, f.role, f.sign_in_name, f.inactive, f.deleted, f.version,
       f.entra_tenant_id, f.entra_object_id, f.last_entra_sync_at, f.entra_user_principal_name, f.entra_account_enabled,
       f.entra_sync_status, f.entra_sync_status_reason
FROM (
    SELECT r.version AS asked, c.id, c.client_id, c.external_id, c.full_name, c.email, c.phone, c.role, c.sign_in_name, c.inactive, c.deleted, c.version,
           c.entra_tenant_id, c.entra_object_id, c.last_entra_sync_at, c.entra_user_principal_name, c.entra_account_enabled,
           c.entra_sync_status, c.entra_sync_status_reason, 'infinity'::timestamptz AS until
    FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@versions::bigint[])::bigint AS version) r
    JOIN contacts c ON c.id = r.id AND (c.version = r.version OR r.version = 0)
    UNION ALL
    SELECT r.version AS asked, v.contact_id, v.client_id, v.external_id, v.full_name, v.email, v.phone, v.role,
           COALESCE(v.sign_in_name, (SELECT c.sign_in_name FROM contacts c WHERE c.id = v.contact_id), '')::text, v.inactive, v.deleted, v.version,
           v.entra_tenant_id, v.entra_object_id, v.last_entra_sync_at, v.entra_user_principal_name, v.entra_account_enabled,
           v.entra_sync_status, v.entra_sync_status_reason, v.at
    FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@versions::bigint[])::bigint AS version) r
    JOIN contact_versions v ON v.contact_id = r.id AND v.version = r.version
) f
ORDER BY f.until;

-- name: LinkStatuses :many
-- Of entries without the status of the link: as it is now.
SELECT id, link_status FROM contact_details WHERE id = ANY (@ids::uuid[]);

-- name: KeepFeedMonths :many
SELECT keep_feed_months(@months::integer)::text AS done;

-- name: InsertFeedEffect :execrows
INSERT INTO feed_effects (tenant_id, effect_id, at) VALUES (@tenant_id, @effect_id, @now::timestamptz) ON CONFLICT DO NOTHING;

-- name: ForgetFeedEffects :exec
DELETE FROM feed_effects WHERE at < @before::timestamptz;

-- name: InsertAppendedChanges :exec
-- fields are joined by commas: arrays of arrays must not be ragged.
INSERT INTO contact_changes (tenant_id, seq, type, source, client_id, client, item, fields, run_id, at)
SELECT @tenant_id::text, CAST(@first_seq AS bigint) + r.ord - 1, r.type, r.source, r.client_id, NULLIF(r.client, '')::jsonb, NULLIF(r.item, '')::jsonb,
       CASE WHEN r.fields = '' THEN '{}' ELSE string_to_array(r.fields, ',') END, NULLIF(r.run_id, '')::uuid, @at::timestamptz
FROM (SELECT generate_subscripts(@types::text[], 1) AS ord, unnest(@types::text[]) AS type, unnest(@sources::text[]) AS source,
             unnest(@client_ids::uuid[]) AS client_id, unnest(@clients::text[]) AS client, unnest(@items::text[]) AS item,
             unnest(@fields::text[]) AS fields, unnest(@run_ids::text[]) AS run_id) r
ORDER BY r.ord;
