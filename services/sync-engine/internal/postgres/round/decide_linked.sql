-- name: decide_linked
-- What changes for identities that have a link; an unchanged one has no row. Of a record that could not
-- be taken, and of an orphaned link, it is only noted that the identity is back.
INSERT INTO plan (n, action, visible, object_id, contact_id, reason, fields)
SELECT w.n, w.action,
       CASE w.action WHEN 'inactivate' THEN NOT w.inactive
                     WHEN 'reactivate' THEN true
                     ELSE w.action IN ('update', 'resume') AND cardinality(w.fields) > 0 END,
       w.object_id, w.contact_id,
       CASE w.action WHEN 'inactivate' THEN 'disabled_upstream' END,
       CASE WHEN w.action IN ('update', 'reactivate', 'resume') THEN w.fields ELSE '{}' END
FROM (
    SELECT v.*,
           CASE
               WHEN NOT v.decides THEN CASE WHEN v.was_gone THEN 'seen' END
               WHEN v.verdict = 'account_disabled' AND v.status = 'active' AND @inactivate THEN 'inactivate'
               WHEN v.verdict IS NULL AND v.status = 'inactive' AND v.inactivated_by_sync THEN 'reactivate'
               -- Active upstream again; whether the contact is active the host or a person has decided since.
               WHEN v.verdict IS NULL AND v.status = 'inactive' THEN 'resume'
               WHEN v.verdict IS NULL AND cardinality(v.fields) > 0 THEN 'update'
               WHEN v.stale THEN 'touch'
               WHEN v.was_gone THEN 'seen'
           END AS action
    FROM (
        SELECT s.n, s.object_id, s.verdict, l.contact_id, s.failure IS NULL AND c.id IS NOT NULL AS decides, c.inactive, c.inactivated_by_sync, l.gone AS was_gone,
               CASE WHEN l.status <> 'orphaned' THEN l.status ELSE COALESCE(c.entra_sync_status, 'active') END AS status,
               (s.verdict IS NULL OR s.verdict = 'account_disabled')
                   AND (c.entra_user_principal_name IS DISTINCT FROM s.upn OR c.entra_account_enabled IS DISTINCT FROM s.enabled) AS stale,
               array_remove(ARRAY[
                   CASE WHEN @field_display_name AND s.named AND c.full_name <> s.full_name THEN 'fullName' END,
                   CASE WHEN @field_email AND s.mailed AND c.email_norm IS DISTINCT FROM s.email_norm THEN 'email' END,
                   CASE WHEN @field_phone AND s.phone <> '' AND c.phone <> s.phone THEN 'phone' END,
                   CASE WHEN @field_role AND s.role <> '' AND c.role <> s.role THEN 'role' END,
                   CASE WHEN @field_upn AND s.upn <> '' AND c.sign_in_name <> s.upn THEN 'signInName' END], NULL) AS fields
        FROM staged_link l
        CROSS JOIN LATERAL (
            SELECT s.n, s.object_id, s.failure, s.nameless, s.verdict, s.upn, s.enabled, s.named, s.full_name, s.mailed, s.email_norm, s.phone, s.role
            FROM stage s WHERE s.n = l.n LIMIT 1
        ) s
        LEFT JOIN LATERAL (
            SELECT c.id, c.inactive, c.inactivated_by_sync, c.entra_sync_status, c.entra_user_principal_name, c.entra_account_enabled,
                   c.full_name, c.email_norm, c.phone, c.role, c.sign_in_name
            FROM contacts c
            -- A contact that has gone over to another identity is no longer this one's.
            WHERE l.ours AND c.id = l.contact_id AND NOT c.deleted AND c.entra_tenant_id = @directory AND c.entra_object_id = l.object_id
            LIMIT 1
        ) c ON true
        WHERE l.n > @after AND l.n <= @up_to AND (l.ours OR l.gone AND NOT l.waits) AND NOT s.nameless
    ) v
) w
WHERE w.action IS NOT NULL;
