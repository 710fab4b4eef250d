-- name: ListItems :many
-- One page of items after a place in the order, oldest first; empty filters let all through.
SELECT id, managed_tenant_id, entra_tenant_id, entra_object_id, user_principal_name, display_name, email, phone, role, account_enabled,
       licence_count, user_type, client_id, candidates, peers, reason, fingerprint, suggestion, suggested_contact, suggested_for,
       status, created_at, last_seen_at, decided_by, decided_at
FROM entra_contact_reconciliation_queue
WHERE (@status::text = '' OR status = @status)
  AND (@client_id::text = '' OR client_id = @client_id)
  AND (@managed_tenant_id::text = '' OR managed_tenant_id = @managed_tenant_id)
  AND (@reason::text = '' OR reason = @reason)
  AND (@suggestion::text = '' OR suggestion = @suggestion OR @suggestion = 'none' AND suggestion IS NULL)
  AND (@address::text = '' OR position(@address IN search) > 0 OR @words::text <> '' AND position(@words IN search) > 0)
  AND (created_at, id) > (@after_created_at::timestamptz, @after_id::uuid)
ORDER BY created_at, id
LIMIT @page_size::int;

-- name: CountItems :one
-- So many at most.
SELECT count(*)
FROM (
    SELECT FROM entra_contact_reconciliation_queue
    WHERE (@status::text = '' OR status = @status)
      AND (@client_id::text = '' OR client_id = @client_id)
      AND (@managed_tenant_id::text = '' OR managed_tenant_id = @managed_tenant_id)
      AND (@reason::text = '' OR reason = @reason)
      AND (@suggestion::text = '' OR suggestion = @suggestion OR @suggestion = 'none' AND suggestion IS NULL)
      AND (@address::text = '' OR position(@address IN search) > 0 OR @words::text <> '' AND position(@words IN search) > 0)
    LIMIT @most::int
) AS counted;

-- name: CountOpenItems :many
SELECT client_id, reason, count(*)::integer AS open
FROM entra_contact_reconciliation_queue
WHERE status = 'open'
  AND (@client_id::text = '' OR client_id = @client_id)
  AND (@managed_tenant_id::text = '' OR managed_tenant_id = @managed_tenant_id)
  AND (@address::text = '' OR position(@address IN search) > 0 OR @words::text <> '' AND position(@words IN search) > 0)
GROUP BY client_id, reason
ORDER BY open DESC, client_id, reason
LIMIT @most::int;

-- name: CountSuggestions :many
SELECT COALESCE(suggestion, 'none')::text AS suggestion, count(*)::integer AS open
FROM entra_contact_reconciliation_queue
WHERE status = 'open'
  AND (@client_id::text = '' OR client_id = @client_id)
  AND (@managed_tenant_id::text = '' OR managed_tenant_id = @managed_tenant_id)
  AND (@address::text = '' OR position(@address IN search) > 0 OR @words::text <> '' AND position(@words IN search) > 0)
GROUP BY 1
ORDER BY open DESC, 1;
