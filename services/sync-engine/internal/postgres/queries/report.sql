-- name: ListRunIdentities :many
-- In order of the key. A filter that is null narrows nothing.
SELECT managed_tenant_id, entra_object_id, n, outcome, reason, pattern, contact_id, display_name, user_principal_name, fields, before, after
FROM entra_run_identities
WHERE run_id = @run_id
  AND (managed_tenant_id, entra_object_id, n) > (@after_managed_tenant::text, @after_object::text, @after_n::integer)
  AND (sqlc.narg(managed_tenant_id)::text IS NULL OR managed_tenant_id = sqlc.narg(managed_tenant_id))
  AND (sqlc.narg(outcome)::text IS NULL OR outcome = sqlc.narg(outcome))
  AND (sqlc.narg(reason)::text IS NULL OR reason = sqlc.narg(reason))
  AND (sqlc.narg(q)::text IS NULL OR strpos(' ' || lower(display_name), ' ' || sqlc.narg(q)) > 0 OR starts_with(lower(user_principal_name), sqlc.narg(q)))
ORDER BY managed_tenant_id, entra_object_id, n
LIMIT @size;

-- name: CountRunIdentities :one
SELECT count(*) FROM (
    SELECT FROM entra_run_identities
    WHERE run_id = @run_id
      AND (sqlc.narg(managed_tenant_id)::text IS NULL OR managed_tenant_id = sqlc.narg(managed_tenant_id))
      AND (sqlc.narg(outcome)::text IS NULL OR outcome = sqlc.narg(outcome))
      AND (sqlc.narg(reason)::text IS NULL OR reason = sqlc.narg(reason))
      AND (sqlc.narg(q)::text IS NULL OR strpos(' ' || lower(display_name), ' ' || sqlc.narg(q)) > 0 OR starts_with(lower(user_principal_name), sqlc.narg(q)))
    LIMIT @most
) i;

-- name: KeepReportDays :many
SELECT keep_report_days(@days::integer)::text AS done;
