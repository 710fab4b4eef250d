-- name: InsertRun :execrows
INSERT INTO entra_sync_runs (tenant_id, id, type, scope, client_id, dry_run, trigger, state, workflow_id, initiated_by, created_at,
    managed_tenant_id, approves_run_id, approves_reason)
VALUES (@tenant_id, @id, @type, @scope, sqlc.narg(client_id), @dry_run, @trigger, 'queued', @workflow_id, @initiated_by, @created_at,
    sqlc.narg(managed_tenant_id), sqlc.narg(approves_run_id), sqlc.narg(approves_reason))
ON CONFLICT DO NOTHING;

-- name: FindOpenRun :one
SELECT id FROM entra_sync_runs WHERE type = @type AND scope = @scope AND dry_run = @dry_run AND state IN ('queued', 'running');

-- name: GetRun :one
SELECT id, workflow_id, type, state, dry_run, trigger, initiated_by, client_id, created_at, started_at, completed_at,
       error_code, error_message, error_remedy, discovered_tenants, managed_tenant_id, approves_run_id, approves_reason
FROM entra_sync_runs WHERE id = @id;

-- name: LockRun :one
SELECT state FROM entra_sync_runs WHERE id = @id FOR UPDATE;

-- name: HoldRun :one
-- Nobody closes the run before the transaction ends. Others may hold it too.
SELECT state FROM entra_sync_runs WHERE id = @id FOR SHARE;

-- name: LastRun :many
SELECT id FROM entra_sync_runs WHERE NOT dry_run AND type <> 'discovery' ORDER BY id DESC LIMIT 1;

-- name: ListRuns :many
-- Newest first: ids rise with time.
SELECT r.id, r.workflow_id, r.type, r.state, r.dry_run, r.trigger, r.initiated_by, r.client_id, r.created_at, r.started_at, r.completed_at,
       r.error_code, r.error_message, r.error_remedy, r.discovered_tenants, r.managed_tenant_id, r.approves_run_id, r.approves_reason
FROM entra_sync_runs r
WHERE r.id < @before
  AND (sqlc.narg(type)::text IS NULL OR r.type = sqlc.narg(type))
  AND (sqlc.narg(state)::text IS NULL OR r.state = sqlc.narg(state))
  AND (sqlc.narg(since)::timestamptz IS NULL OR r.created_at >= sqlc.narg(since))
  AND (sqlc.narg(client_id)::uuid IS NULL OR r.client_id = sqlc.narg(client_id)
       OR EXISTS (SELECT FROM entra_sync_run_tenants t WHERE t.client_id = sqlc.narg(client_id) AND t.run_id = r.id))
ORDER BY r.id DESC
LIMIT @size;

-- name: ListEndedRuns :many
-- By entra_sync_runs_ended, whose condition this repeats.
SELECT id, state, completed_at::timestamptz AS completed_at
FROM entra_sync_runs
WHERE completed_at IS NOT NULL AND NOT dry_run AND type <> 'discovery' AND (completed_at, id) > (@since::timestamptz, @after::uuid)
ORDER BY completed_at, id
LIMIT @size;

-- name: CountRuns :one
SELECT count(*) FROM (
SELECT FROM entra_sync_runs r
WHERE (sqlc.narg(type)::text IS NULL OR r.type = sqlc.narg(type))
  AND (sqlc.narg(state)::text IS NULL OR r.state = sqlc.narg(state))
  AND (sqlc.narg(since)::timestamptz IS NULL OR r.created_at >= sqlc.narg(since))
  AND (sqlc.narg(client_id)::uuid IS NULL OR r.client_id = sqlc.narg(client_id)
       OR EXISTS (SELECT FROM entra_sync_run_tenants t WHERE t.client_id = sqlc.narg(client_id) AND t.run_id = r.id))
LIMIT @most) r;

-- name: SumRunTenants :many
SELECT run_id, count(*)::integer AS tenants, (count(*) FILTER (WHERE state NOT IN ('queued', 'running')))::integer AS processed,
       (count(*) FILTER (WHERE state IN ('completed', 'partial', 'held')))::integer AS succeeded,
       (count(*) FILTER (WHERE state = 'failed'))::integer AS failed_tenants,
       (count(*) FILTER (WHERE state = 'held'))::integer AS held, (count(*) FILTER (WHERE state = 'partial'))::integer AS partial,
       (count(*) FILTER (WHERE state = 'cancelled'))::integer AS cancelled,
       sum(created)::integer AS created, sum(linked)::integer AS linked, sum(updated)::integer AS updated, sum(unchanged)::integer AS unchanged,
       sum(ambiguous)::integer AS ambiguous, sum(inactivated)::integer AS inactivated, sum(reactivated)::integer AS reactivated,
       sum(filtered)::integer AS filtered, sum(failed)::integer AS failed
FROM entra_sync_run_tenants
WHERE run_id = ANY (@run_ids::uuid[])
GROUP BY run_id;

-- name: StartRun :exec
UPDATE entra_sync_runs SET state = 'running', started_at = @now WHERE id = @id AND state = 'queued';

-- name: InsertRunTenants :exec
INSERT INTO entra_sync_run_tenants (tenant_id, run_id, managed_tenant_id, entra_tenant_id, client_id, mapping_revision, group_no, position, state)
SELECT @tenant_id::text, @run_id::uuid, unnest(@managed_tenant_ids::text[]), unnest(@entra_tenant_ids::text[]), unnest(@client_ids::uuid[]),
       unnest(@mapping_revisions::bigint[]), unnest(@groups::integer[]), unnest(@positions::integer[]), 'queued'
ON CONFLICT DO NOTHING;

-- name: GetRunTenant :one
SELECT run_id, managed_tenant_id, entra_tenant_id, client_id, mapping_revision, group_no, position, state, created, linked, updated, unchanged,
       ambiguous, inactivated, inactivated_gone, reactivated, filtered, failed, filtered_reasons, ambiguous_reasons, failures, held_reason,
       held_count, held_digest, error_code, error_message, error_remedy, started_at, completed_at
FROM entra_sync_run_tenants WHERE run_id = @run_id AND managed_tenant_id = @managed_tenant_id;

-- name: ListRunTenants :many
-- What needs a person first, then what is under way.
SELECT run_id, managed_tenant_id, entra_tenant_id, client_id, mapping_revision, group_no, position, state, created, linked, updated, unchanged,
       ambiguous, inactivated, inactivated_gone, reactivated, filtered, failed, filtered_reasons, ambiguous_reasons, failures, held_reason,
       held_count, held_digest, error_code, error_message, error_remedy, started_at, completed_at
FROM entra_sync_run_tenants WHERE run_id = @run_id
ORDER BY CASE state WHEN 'held' THEN 1 WHEN 'failed' THEN 2 WHEN 'partial' THEN 3 WHEN 'running' THEN 4 ELSE 5 END, group_no, position
LIMIT @size;

-- name: ListTenantStates :many
SELECT managed_tenant_id, state FROM entra_sync_run_tenants WHERE run_id = @run_id;

-- name: ListOpenTenants :many
-- The open tenants of the next groups: whole groups, never a part of one. Quick are those of which little is known to be left to do.
-- They are numbered while they are read, and not joined with their groups: at a run's begin PostgreSQL expects no open tenant, and
-- would read them all again for each. An index by groups would spare the other groups, but until the first ANALYZE PostgreSQL would
-- take it also to look one tenant up, and read the run for that.
WITH s AS (
    SELECT t.tenant_id, t.group_no, t.position, t.client_id, t.managed_tenant_id, t.entra_tenant_id, dense_rank() OVER (ORDER BY t.group_no) AS nth
    FROM entra_sync_run_tenants t
    WHERE t.run_id = @run_id AND t.state IN ('queued', 'running') AND t.group_no > @after_group
)
SELECT s.group_no, s.client_id, s.managed_tenant_id,
       COALESCE(d.delta_link IS NOT NULL AND (d.standing ->> 'identities')::integer <= @quick_identities::integer, false)::boolean AS quick
FROM s
LEFT JOIN directories d ON d.tenant_id = s.tenant_id AND d.entra_tenant_id = s.entra_tenant_id
WHERE s.nth <= @groups::integer
ORDER BY s.group_no, s.position;

-- name: StartTenant :exec
UPDATE entra_sync_run_tenants SET state = 'running', started_at = COALESCE(started_at, @now)
WHERE run_id = @run_id AND managed_tenant_id = @managed_tenant_id AND state IN ('queued', 'running');

-- name: FailTenant :exec
UPDATE entra_sync_run_tenants
SET state = @state, error_code = sqlc.narg(error_code), error_message = sqlc.narg(error_message), error_remedy = sqlc.narg(error_remedy),
    started_at = COALESCE(started_at, @now::timestamptz), completed_at = @now::timestamptz
WHERE run_id = @run_id AND managed_tenant_id = @managed_tenant_id AND state IN ('queued', 'running');

-- name: CloseTenants :exec
UPDATE entra_sync_run_tenants
SET state = @state, error_code = sqlc.narg(error_code), error_message = sqlc.narg(error_message), error_remedy = sqlc.narg(error_remedy),
    completed_at = @now::timestamptz
WHERE run_id = @run_id AND state IN ('queued', 'running');

-- name: CloseTenant :execrows
-- No row when the run was closed meanwhile, unless as cancelled. It is not closed before this transaction ends.
UPDATE entra_sync_run_tenants t
SET state = @state, created = @created, linked = @linked, updated = @updated, unchanged = @unchanged, ambiguous = @ambiguous,
    inactivated = @inactivated, reactivated = @reactivated, filtered = @filtered, failed = @failed, filtered_reasons = @filtered_reasons,
    ambiguous_reasons = @ambiguous_reasons, failures = @failures, held_reason = sqlc.narg(held_reason), held_count = sqlc.narg(held_count),
    held_digest = sqlc.narg(held_digest), report_run_id = sqlc.narg(report_run_id), completed_at = @now::timestamptz
FROM (SELECT id FROM entra_sync_runs WHERE id = @run_id AND (state = 'running' OR @state::text = 'cancelled') FOR SHARE) r
WHERE t.run_id = r.id AND t.managed_tenant_id = @managed_tenant_id AND t.state IN ('queued', 'running');

-- name: FinishRun :exec
UPDATE entra_sync_runs
SET state = @state, completed_at = @now::timestamptz, started_at = COALESCE(started_at, @now::timestamptz), error_code = sqlc.narg(error_code),
    error_message = sqlc.narg(error_message), error_remedy = sqlc.narg(error_remedy), discovered_tenants = sqlc.narg(discovered_tenants)
WHERE id = @id;

-- name: CancelRuns :many
UPDATE entra_sync_runs
SET state = 'cancelled', completed_at = @now::timestamptz
WHERE state IN ('queued', 'running') AND (sqlc.narg(id)::uuid IS NULL OR id = sqlc.narg(id))
  AND (sqlc.narg(created_before)::timestamptz IS NULL OR created_at < sqlc.narg(created_before))
RETURNING id, workflow_id;

-- name: ListCancelledWorkflows :many
-- Workflows of cancelled runs of which rounds have not stopped. One that serves a newer run by now is left alone.
SELECT DISTINCT r.workflow_id
FROM entra_sync_runs r
WHERE r.state = 'cancelled' AND (sqlc.narg(id)::uuid IS NULL OR r.id = sqlc.narg(id))
  AND (sqlc.narg(created_before)::timestamptz IS NULL OR r.created_at < sqlc.narg(created_before))
  AND EXISTS (SELECT FROM entra_sync_run_tenants t WHERE t.run_id = r.id AND t.state IN ('queued', 'running'))
  AND NOT EXISTS (SELECT FROM entra_sync_runs o WHERE o.workflow_id = r.workflow_id AND o.state IN ('queued', 'running'))
ORDER BY r.workflow_id;

-- name: CancelQueuedTenants :exec
UPDATE entra_sync_run_tenants SET state = 'cancelled', completed_at = @now::timestamptz
WHERE run_id = ANY (@run_ids::uuid[]) AND state = 'queued';

-- name: OpenRuns :many
-- Ids are in the order of time.
SELECT tenant_id, id, workflow_id FROM open_runs WHERE created_at < @before AND id > @after ORDER BY id LIMIT @size;

-- name: KeepDirectory :exec
-- Where the next round goes on. What a guard held back comes again, since everybody is listed: a list of
-- changes by the delta link that the round began with would say nothing of identities that came with it
-- and have left since.
INSERT INTO directories (tenant_id, entra_tenant_id, managed_tenant_id, client_id, mapping_revision, delta_link, settings_fingerprint,
    last_full_at, last_round_at, last_run_id, standing, client_revision, feed_seq, group_members)
VALUES (@tenant_id, @entra_tenant_id, @managed_tenant_id, @client_id, @mapping_revision,
    CASE WHEN @held::boolean THEN NULL ELSE sqlc.narg(delta_link)::text END, @settings_fingerprint, sqlc.narg(last_full_at), @last_round_at, @last_run_id,
    sqlc.narg(standing), sqlc.narg(client_revision), sqlc.narg(feed_seq), CASE WHEN NOT @held::boolean THEN sqlc.narg(group_members)::bytea END)
ON CONFLICT (tenant_id, entra_tenant_id) DO UPDATE
SET managed_tenant_id = EXCLUDED.managed_tenant_id, client_id = EXCLUDED.client_id, mapping_revision = EXCLUDED.mapping_revision,
    delta_link = EXCLUDED.delta_link,
    settings_fingerprint = EXCLUDED.settings_fingerprint, last_full_at = COALESCE(EXCLUDED.last_full_at, directories.last_full_at),
    last_round_at = EXCLUDED.last_round_at, last_run_id = EXCLUDED.last_run_id,
    standing = EXCLUDED.standing, client_revision = EXCLUDED.client_revision, feed_seq = EXCLUDED.feed_seq,
    group_members = CASE WHEN @held::boolean OR @members_stand::boolean THEN directories.group_members ELSE EXCLUDED.group_members END;

-- name: GetGroupMembers :one
SELECT group_members FROM directories WHERE entra_tenant_id = @entra_tenant_id;

-- name: ForgetGroupMembers :exec
-- One of them was erased on request. The directories' next rounds list everybody.
UPDATE directories SET group_members = NULL
WHERE entra_tenant_id = ANY (@entra_tenant_ids::text[]) AND group_members IS NOT NULL;

-- name: GetDirectory :one
-- Where a directory's last round left off, and how far the client's contacts and the feed are now.
SELECT d.client_id, d.mapping_revision, d.delta_link, COALESCE(d.settings_fingerprint, '') AS settings_fingerprint, d.last_full_at, d.standing,
       d.client_revision, d.feed_seq,
       COALESCE((SELECT h.revision FROM client_heads h WHERE h.client_id = @client_id), 0)::bigint AS head,
       COALESCE((SELECT f.seq FROM feed_heads f), 0)::bigint AS feed
FROM (SELECT) AS one
LEFT JOIN directories d ON d.entra_tenant_id = @entra_tenant_id;

-- name: DropRuns :one
SELECT drop_runs(@days::integer, @most::integer)::integer AS runs;
