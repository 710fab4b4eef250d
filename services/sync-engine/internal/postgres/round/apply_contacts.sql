-- name: apply_contacts
-- Field rules, reactivation and what is only metadata. Contacts are looked up by their ids, one by one, and
-- their rows found again by the places that gave: of ids alone the planner may think that the index which
-- begins with the tenant, as row-level security adds it, serves as well, and read all of the tenant for each
-- range. A row keeps its place: nobody else writes contacts of clients whose heads are locked.
UPDATE contacts c
SET full_name = CASE WHEN 'fullName' = ANY (p.fields) THEN s.full_name ELSE c.full_name END,
    name_key = CASE WHEN 'fullName' = ANY (p.fields) THEN s.name_key ELSE c.name_key END,
    email = CASE WHEN 'email' = ANY (p.fields) THEN s.email ELSE c.email END,
    email_norm = CASE WHEN 'email' = ANY (p.fields) THEN s.email_norm ELSE c.email_norm END,
    phone = CASE WHEN 'phone' = ANY (p.fields) THEN s.phone ELSE c.phone END,
    role = CASE WHEN 'role' = ANY (p.fields) THEN s.role ELSE c.role END,
    sign_in_name = CASE WHEN 'signInName' = ANY (p.fields) THEN s.upn ELSE c.sign_in_name END,
    inactive = c.inactive AND p.action <> 'reactivate',
    inactivated_by_sync = c.inactivated_by_sync AND p.action <> 'reactivate',
    entra_sync_status = CASE WHEN p.action IN ('reactivate', 'resume') THEN 'active' ELSE c.entra_sync_status END,
    entra_sync_status_reason = CASE WHEN p.action IN ('reactivate', 'resume') THEN NULL ELSE c.entra_sync_status_reason END,
    entra_user_principal_name = s.upn, entra_account_enabled = s.enabled, last_entra_sync_at = @now,
    version = c.version + 1, updated_at = @now
FROM plan p JOIN stage s ON s.n = p.n
WHERE p.n > @after AND p.n <= @up_to AND p.action IN ('update', 'reactivate', 'resume', 'touch') AND c.id = p.contact_id
  AND c.ctid = ANY (ARRAY(
      SELECT c.place FROM plan d CROSS JOIN LATERAL (SELECT c.ctid AS place FROM contacts c WHERE c.id = d.contact_id LIMIT 1) c
      WHERE d.n > @after AND d.n <= @up_to AND d.action IN ('update', 'reactivate', 'resume', 'touch')));
