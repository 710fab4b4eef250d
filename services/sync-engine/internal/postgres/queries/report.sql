-- name: ListRunIdentities :many
-- In order of the key, between two places. A filter that is null narrows nothing. Of rounds in which
-- none of them changed, the identities that failed or are kept out are in the report of an earlier run.
SELECT u.managed_tenant_id, u.entra_object_id, u.n, u.outcome, u.reason, u.pattern, u.contact_id, u.display_name, u.user_principal_name, u.fields,
       u.before, u.after
FROM (
    (SELECT i.managed_tenant_id, i.entra_object_id, i.n, i.outcome, i.reason, i.pattern, i.contact_id, i.display_name, i.user_principal_name, i.fields,
            i.before, i.after
    FROM entra_run_identities i
    WHERE i.run_id = @run_id
      AND (i.managed_tenant_id, i.entra_object_id, i.n) > (@after_managed_tenant::text, @after_object::text, @after_n::integer)
      AND (i.managed_tenant_id, i.entra_object_id, i.n) <= (@to_managed_tenant::text, @to_object::text, @to_n::integer)
      AND (sqlc.narg(managed_tenant_id)::text IS NULL OR i.managed_tenant_id = sqlc.narg(managed_tenant_id))
      AND (sqlc.narg(outcome)::text IS NULL OR i.outcome = sqlc.narg(outcome))
      AND (sqlc.narg(reason)::text IS NULL OR i.reason = sqlc.narg(reason))
      AND (sqlc.narg(q)::text IS NULL OR strpos(' ' || lower(i.display_name), ' ' || sqlc.narg(q)) > 0 OR starts_with(lower(i.user_principal_name), sqlc.narg(q)))
    ORDER BY i.managed_tenant_id, i.entra_object_id, i.n
    LIMIT @size)
    UNION ALL
    (SELECT i.managed_tenant_id, i.entra_object_id, i.n, i.outcome, i.reason, i.pattern, i.contact_id, i.display_name, i.user_principal_name, i.fields,
            i.before, i.after
    FROM entra_sync_run_tenants t
    CROSS JOIN LATERAL (
        SELECT i.managed_tenant_id, i.entra_object_id, i.n, i.outcome, i.reason, i.pattern, i.contact_id, i.display_name, i.user_principal_name,
               i.fields, i.before, i.after
        FROM entra_run_identities i
        WHERE i.run_id = t.report_run_id AND i.managed_tenant_id = t.managed_tenant_id AND i.outcome IN ('failed', 'filtered')
          AND (i.managed_tenant_id, i.entra_object_id, i.n) > (@after_managed_tenant::text, @after_object::text, @after_n::integer)
          AND (i.managed_tenant_id, i.entra_object_id, i.n) <= (@to_managed_tenant::text, @to_object::text, @to_n::integer)
          AND (sqlc.narg(outcome)::text IS NULL OR i.outcome = sqlc.narg(outcome))
          AND (sqlc.narg(reason)::text IS NULL OR i.reason = sqlc.narg(reason))
          AND (sqlc.narg(q)::text IS NULL OR strpos(' ' || lower(i.display_name), ' ' || sqlc.narg(q)) > 0 OR starts_with(lower(i.user_principal_name), sqlc.narg(q)))
        ORDER BY i.entra_object_id, i.n
        LIMIT @size
    ) i
    WHERE t.run_id = @run_id AND t.report_run_id IS NOT NULL AND t.managed_tenant_id >= @after_managed_tenant
      AND (sqlc.narg(managed_tenant_id)::text IS NULL OR t.managed_tenant_id = sqlc.narg(managed_tenant_id))
    ORDER BY t.managed_tenant_id, i.entra_object_id, i.n
    LIMIT @size)
) u
ORDER BY u.managed_tenant_id, u.entra_object_id, u.n
LIMIT @size;

-- name: RunIdentitiesTo :one
-- The place of the last of so many identities of a report, in its order; no row where there are fewer.
SELECT u.managed_tenant_id, u.entra_object_id, u.n
FROM (
    (SELECT i.managed_tenant_id, i.entra_object_id, i.n
    FROM entra_run_identities i
    WHERE i.run_id = @run_id
      AND (i.managed_tenant_id, i.entra_object_id, i.n) > (@after_managed_tenant::text, @after_object::text, @after_n::integer)
      AND (i.managed_tenant_id, i.entra_object_id, i.n) <= (@to_managed_tenant::text, @to_object::text, @to_n::integer)
    ORDER BY i.managed_tenant_id, i.entra_object_id, i.n
    LIMIT @reads)
    UNION ALL
    (SELECT i.managed_tenant_id, i.entra_object_id, i.n
    FROM entra_sync_run_tenants t
    CROSS JOIN LATERAL (
        SELECT i.managed_tenant_id, i.entra_object_id, i.n
        FROM entra_run_identities i
        WHERE i.run_id = t.report_run_id AND i.managed_tenant_id = t.managed_tenant_id AND i.outcome IN ('failed', 'filtered')
          AND (i.managed_tenant_id, i.entra_object_id, i.n) > (@after_managed_tenant::text, @after_object::text, @after_n::integer)
          AND (i.managed_tenant_id, i.entra_object_id, i.n) <= (@to_managed_tenant::text, @to_object::text, @to_n::integer)
        ORDER BY i.entra_object_id, i.n
        LIMIT @reads
    ) i
    WHERE t.run_id = @run_id AND t.report_run_id IS NOT NULL AND t.managed_tenant_id >= @after_managed_tenant
    ORDER BY t.managed_tenant_id, i.entra_object_id, i.n
    LIMIT @reads)
) u
ORDER BY u.managed_tenant_id, u.entra_object_id, u.n
LIMIT 1 OFFSET @before_last;

-- name: CountRunIdentities :one
SELECT count(*) FROM (
    (SELECT FROM entra_run_identities i
    WHERE i.run_id = @run_id
      AND (i.managed_tenant_id, i.entra_object_id, i.n) > (@after_managed_tenant::text, @after_object::text, @after_n::integer)
      AND (i.managed_tenant_id, i.entra_object_id, i.n) <= (@to_managed_tenant::text, @to_object::text, @to_n::integer)
      AND (sqlc.narg(managed_tenant_id)::text IS NULL OR i.managed_tenant_id = sqlc.narg(managed_tenant_id))
      AND (sqlc.narg(outcome)::text IS NULL OR i.outcome = sqlc.narg(outcome))
      AND (sqlc.narg(reason)::text IS NULL OR i.reason = sqlc.narg(reason))
      AND (sqlc.narg(q)::text IS NULL OR strpos(' ' || lower(i.display_name), ' ' || sqlc.narg(q)) > 0 OR starts_with(lower(i.user_principal_name), sqlc.narg(q)))
    LIMIT @most)
    UNION ALL
    (SELECT FROM entra_sync_run_tenants t
    JOIN entra_run_identities i ON i.run_id = t.report_run_id AND i.managed_tenant_id = t.managed_tenant_id AND i.outcome IN ('failed', 'filtered')
    WHERE t.run_id = @run_id AND t.report_run_id IS NOT NULL
      AND (i.managed_tenant_id, i.entra_object_id, i.n) > (@after_managed_tenant::text, @after_object::text, @after_n::integer)
      AND (i.managed_tenant_id, i.entra_object_id, i.n) <= (@to_managed_tenant::text, @to_object::text, @to_n::integer)
      AND (sqlc.narg(managed_tenant_id)::text IS NULL OR t.managed_tenant_id = sqlc.narg(managed_tenant_id))
      AND (sqlc.narg(outcome)::text IS NULL OR i.outcome = sqlc.narg(outcome))
      AND (sqlc.narg(reason)::text IS NULL OR i.reason = sqlc.narg(reason))
      AND (sqlc.narg(q)::text IS NULL OR strpos(' ' || lower(i.display_name), ' ' || sqlc.narg(q)) > 0 OR starts_with(lower(i.user_principal_name), sqlc.narg(q)))
    LIMIT @most)
    LIMIT @most
) u;

-- name: KeepReportDays :many
SELECT keep_report_days(@days::integer)::text AS done;

-- name: ReportStands :one
-- Whether the identities that failed or are kept out are still in a run's report. Nothing of it is deleted
-- before this transaction ends.
SELECT EXISTS (
    SELECT FROM entra_run_identities i
    WHERE i.run_id = @run_id AND i.managed_tenant_id = @managed_tenant_id AND i.outcome IN ('failed', 'filtered'));
