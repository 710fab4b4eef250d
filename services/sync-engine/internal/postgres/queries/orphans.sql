-- name: AnnounceMapping :exec
-- From here on rounds and decisions of an older revision stop.
INSERT INTO directory_mappings AS m (tenant_id, entra_tenant_id, managed_tenant_id, client_id, revision, updated_at)
VALUES (@tenant_id, @entra_tenant_id, @managed_tenant_id, sqlc.narg(client_id), @revision, @now::timestamptz)
ON CONFLICT (tenant_id, entra_tenant_id) DO UPDATE
SET managed_tenant_id = EXCLUDED.managed_tenant_id, client_id = EXCLUDED.client_id, revision = EXCLUDED.revision, updated_at = EXCLUDED.updated_at
WHERE m.revision < EXCLUDED.revision;

-- name: GetDirectoryMapping :one
SELECT client_id, revision, followed_revision
FROM directory_mappings WHERE entra_tenant_id = @entra_tenant_id;

-- name: MappingApplied :exec
-- The links are in line with the revision.
UPDATE directory_mappings SET followed_revision = @revision, updated_at = @now::timestamptz
WHERE entra_tenant_id = @entra_tenant_id AND revision = @revision;

-- name: ForgetDeltaLink :exec
-- What was known of the directory's identities no longer holds: its next round lists them all.
UPDATE directories SET delta_link = NULL WHERE entra_tenant_id = @entra_tenant_id AND delta_link IS NOT NULL;

-- name: CountOrphans :one
-- Those that nobody has decided about.
SELECT count(*)::integer
FROM entra_contact_links
WHERE entra_tenant_id = @entra_tenant_id AND status = 'orphaned' AND ended_at IS NULL AND relink_client_id IS NULL;

-- name: InsertDecision :exec
INSERT INTO orphan_decisions (tenant_id, id, entra_tenant_id, managed_tenant_id, client_id, mapping_revision, decision, decided_by, begun_at)
VALUES (@tenant_id, @id, @entra_tenant_id, @managed_tenant_id, sqlc.narg(client_id), @mapping_revision, @decision, @decided_by, @now::timestamptz)
ON CONFLICT (tenant_id, id) DO NOTHING;

-- name: GetDecision :one
SELECT entra_tenant_id, managed_tenant_id, client_id, mapping_revision, decision, decided_by, marked, ended, orphaned, completed_at
FROM orphan_decisions WHERE id = @id;

-- name: CountDecided :exec
UPDATE orphan_decisions SET marked = marked + @marked, ended = ended + @ended WHERE id = @id;

-- name: CompleteDecision :exec
UPDATE orphan_decisions SET orphaned = @orphaned, completed_at = @now::timestamptz WHERE id = @id AND completed_at IS NULL;

-- name: MarkOrphans :execrows
-- Links that wait for a person and from now on for the directory's next round.
UPDATE entra_contact_links
SET relink_client_id = @client_id, relink_decision_id = @decision_id
WHERE entra_tenant_id = @entra_tenant_id AND entra_object_id > @after::text AND entra_object_id <= @up_to::text
  AND status = 'orphaned' AND ended_at IS NULL AND relink_decision_id IS DISTINCT FROM @decision_id;
