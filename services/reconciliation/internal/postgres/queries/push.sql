-- name: LockOpenItems :many
-- Waits for a decision under way on these identities, so that what follows sees it.
SELECT id
FROM entra_contact_reconciliation_queue
WHERE entra_tenant_id = @entra_tenant_id
  AND status = 'open'
  AND entra_object_id = ANY (@entra_object_ids::text[])
ORDER BY id
FOR UPDATE;

-- name: FindDecided :many
-- The identities that a person has decided on the very same facts, which the client is one of. What was
-- resolved gave the identity a link: it counts for a round that may have read the identity before.
SELECT DISTINCT q.entra_object_id
FROM entra_contact_reconciliation_queue AS q
JOIN (
    SELECT unnest(@entra_object_ids::text[]) AS entra_object_id,
           unnest(@fingerprints::text[]) AS fingerprint
) AS pushed
    ON pushed.entra_object_id = q.entra_object_id
   AND pushed.fingerprint = q.fingerprint
WHERE q.entra_tenant_id = @entra_tenant_id
  AND q.client_id = @client_id
  AND (q.status = 'dismissed' OR q.status = 'resolved' AND q.decided_at >= @since::timestamptz)
ORDER BY q.entra_object_id;

-- name: UpsertOpenItems :execrows
-- A sighting refreshes the open item; one at the same time as the last writes nothing more.
INSERT INTO entra_contact_reconciliation_queue AS q (
    tenant_id, id, managed_tenant_id, entra_tenant_id, mapping_revision, entra_object_id,
    user_principal_name, display_name, email, client_id, candidates, reason, fingerprint,
    phone, role, account_enabled, licence_count, user_type, peers, search,
    suggestion, suggested_contact, suggested_for, status, first_run_id, last_run_id, created_at, last_seen_at)
SELECT NULLIF(current_setting('app.tenant', true), ''), pushed.id, @managed_tenant_id::text, @entra_tenant_id::text, @mapping_revision::bigint,
       pushed.entra_object_id, pushed.user_principal_name, pushed.display_name, pushed.email, @client_id::text,
       pushed.candidates, pushed.reason, pushed.fingerprint,
       pushed.phone, pushed.role, NULLIF(pushed.account_enabled, '')::boolean,
       NULLIF(pushed.licence_count, -1), pushed.user_type, pushed.peers, pushed.search,
       NULLIF(pushed.suggestion, ''), NULLIF(pushed.suggested_contact, ''), string_to_array(pushed.suggested_for, ','), 'open', @run_id::uuid, @run_id::uuid, @now::timestamptz, @now::timestamptz
FROM (
    SELECT unnest(@ids::uuid[]) AS id,
           unnest(@entra_object_ids::text[]) AS entra_object_id,
           unnest(@user_principal_names::text[]) AS user_principal_name,
           unnest(@display_names::text[]) AS display_name,
           unnest(@emails::text[]) AS email,
           unnest(@candidates::jsonb[]) AS candidates,
           unnest(@reasons::text[]) AS reason,
           unnest(@fingerprints::text[]) AS fingerprint,
           unnest(@phones::text[]) AS phone,
           unnest(@roles::text[]) AS role,
           -- true, false, or empty where it is not known
           unnest(@account_enabled::text[]) AS account_enabled,
           -- -1 where it is not known
           unnest(@licence_counts::integer[]) AS licence_count,
           unnest(@user_types::text[]) AS user_type,
           unnest(@peers::jsonb[]) AS peers,
           unnest(@searches::text[]) AS search,
           unnest(@suggestions::text[]) AS suggestion,
           unnest(@suggested_contacts::text[]) AS suggested_contact,
           -- joined by commas: arrays of arrays must not be ragged
           unnest(@suggested_for::text[]) AS suggested_for
) AS pushed
ORDER BY pushed.entra_object_id
ON CONFLICT (tenant_id, entra_tenant_id, entra_object_id) WHERE status = 'open'
DO UPDATE SET
    managed_tenant_id = EXCLUDED.managed_tenant_id,
    mapping_revision = EXCLUDED.mapping_revision,
    user_principal_name = EXCLUDED.user_principal_name,
    display_name = EXCLUDED.display_name,
    email = EXCLUDED.email,
    client_id = EXCLUDED.client_id,
    candidates = EXCLUDED.candidates,
    reason = EXCLUDED.reason,
    fingerprint = EXCLUDED.fingerprint,
    phone = EXCLUDED.phone,
    role = EXCLUDED.role,
    account_enabled = EXCLUDED.account_enabled,
    licence_count = EXCLUDED.licence_count,
    user_type = EXCLUDED.user_type,
    peers = EXCLUDED.peers,
    search = EXCLUDED.search,
    suggestion = EXCLUDED.suggestion,
    suggested_contact = EXCLUDED.suggested_contact,
    suggested_for = EXCLUDED.suggested_for,
    last_run_id = EXCLUDED.last_run_id,
    last_seen_at = GREATEST(q.last_seen_at, EXCLUDED.last_seen_at)
WHERE q.last_seen_at < EXCLUDED.last_seen_at
   OR (q.last_run_id, q.mapping_revision, q.fingerprint, q.client_id, q.managed_tenant_id, q.reason, q.candidates,
       q.user_principal_name, q.display_name, q.email, q.phone, q.role, q.account_enabled, q.licence_count, q.user_type, q.peers, q.search,
       q.suggestion, q.suggested_contact, q.suggested_for)
   IS DISTINCT FROM
      (EXCLUDED.last_run_id, EXCLUDED.mapping_revision, EXCLUDED.fingerprint, EXCLUDED.client_id, EXCLUDED.managed_tenant_id, EXCLUDED.reason,
       EXCLUDED.candidates, EXCLUDED.user_principal_name, EXCLUDED.display_name, EXCLUDED.email,
       EXCLUDED.phone, EXCLUDED.role, EXCLUDED.account_enabled, EXCLUDED.licence_count, EXCLUDED.user_type, EXCLUDED.peers, EXCLUDED.search,
       EXCLUDED.suggestion, EXCLUDED.suggested_contact, EXCLUDED.suggested_for);
