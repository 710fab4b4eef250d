-- name: SupersedeIdentities :execrows
-- Closes the open items of identities that need no decision any more. One about which a decision is
-- being carried out is left to it, here and below.
UPDATE entra_contact_reconciliation_queue
SET status = 'superseded', superseded_at = @now::timestamptz
WHERE entra_tenant_id = @entra_tenant_id
  AND status = 'open'
  AND entra_object_id = ANY (@entra_object_ids::text[])
  AND pending_attempt IS NULL;

-- name: SupersedeUnseen :execrows
-- Closes the open items of a directory that a complete round did not push, or pushed in an earlier attempt only.
UPDATE entra_contact_reconciliation_queue
SET status = 'superseded', superseded_at = @now::timestamptz
WHERE entra_tenant_id = @entra_tenant_id
  AND status = 'open'
  AND (last_run_id <> @run_id::uuid OR last_seen_at < @since::timestamptz)
  AND pending_attempt IS NULL;

-- name: SupersedeForeign :execrows
-- Closes the open items of a directory that an earlier mapping of it raised for another client.
UPDATE entra_contact_reconciliation_queue
SET status = 'superseded', superseded_at = @now::timestamptz
WHERE entra_tenant_id = @entra_tenant_id
  AND status = 'open'
  AND client_id <> @client_id
  AND mapping_revision < @mapping_revision
  AND pending_attempt IS NULL;
