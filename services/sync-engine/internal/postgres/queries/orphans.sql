-- name: AnnounceMapping :exec
-- From here on whoever writes for an older revision stops.
INSERT INTO directory_mappings AS m (tenant_id, entra_tenant_id, managed_tenant_id, client_id, revision, updated_at)
VALUES (@tenant_id, @entra_tenant_id, @managed_tenant_id, sqlc.narg(client_id), @revision, @now::timestamptz)
ON CONFLICT (tenant_id, entra_tenant_id) DO UPDATE
SET managed_tenant_id = EXCLUDED.managed_tenant_id, client_id = EXCLUDED.client_id, revision = EXCLUDED.revision, updated_at = EXCLUDED.updated_at
WHERE m.revision < EXCLUDED.revision;

-- name: GetDirectoryMapping :one
SELECT client_id, revision, followed_revision
FROM directory_mappings WHERE entra_tenant_id = @entra_tenant_id;

-- name: FollowedMapping :exec
UPDATE directory_mappings SET followed_revision = @revision, updated_at = @now::timestamptz
WHERE entra_tenant_id = @entra_tenant_id AND revision = @revision;

-- name: ForgetDeltaLink :exec
-- What was known of the directory's identities holds no longer: its next round lists them all.
UPDATE directories SET delta_link = NULL WHERE entra_tenant_id = @entra_tenant_id AND delta_link IS NOT NULL;

-- name: CountOrphans :one
SELECT count(*)::integer
FROM entra_contact_links WHERE entra_tenant_id = @entra_tenant_id AND status = 'orphaned' AND ended_at IS NULL;

-- name: InsertDecision :exec
INSERT INTO orphan_decisions (tenant_id, id, entra_tenant_id, managed_tenant_id, client_id, mapping_revision, decision, decided_by, begun_at)
VALUES (@tenant_id, @id, @entra_tenant_id, @managed_tenant_id, sqlc.narg(client_id), @mapping_revision, @decision, @decided_by, @now::timestamptz)
ON CONFLICT (tenant_id, id) DO NOTHING;

-- name: GetDecision :one
SELECT entra_tenant_id, managed_tenant_id, client_id, mapping_revision, decision, decided_by, relinked, created, ended, ambiguous, orphaned, completed_at
FROM orphan_decisions WHERE id = @id;

-- name: CountDecided :exec
UPDATE orphan_decisions SET relinked = relinked + @relinked, created = created + @created, ended = ended + @ended WHERE id = @id;

-- name: CompleteDecision :exec
UPDATE orphan_decisions SET ambiguous = @ambiguous, orphaned = @orphaned, completed_at = @now::timestamptz WHERE id = @id AND completed_at IS NULL;

-- name: ListOrphans :many
-- The links that a decision is to give to contacts of another client, with what is known of the person.
SELECT l.entra_object_id, c.full_name, c.email, c.phone, c.role, c.entra_user_principal_name, c.entra_account_enabled
FROM entra_contact_links l
CROSS JOIN LATERAL (
    SELECT c.full_name, c.email, c.phone, c.role, c.entra_user_principal_name, c.entra_account_enabled
    FROM contacts c WHERE c.id = l.contact_id LIMIT 1
) c
WHERE l.entra_tenant_id = @entra_tenant_id AND l.relink_decision_id = @decision_id::uuid AND l.entra_object_id > @after::text
ORDER BY l.entra_object_id LIMIT @size;
