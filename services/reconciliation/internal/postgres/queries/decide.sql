-- name: GetItem :one
SELECT id, managed_tenant_id, entra_tenant_id, entra_object_id, user_principal_name, display_name, email, phone, role, account_enabled,
       licence_count, user_type, client_id, candidates, peers, reason, fingerprint, suggestion, suggested_contact, suggested_for,
       status, created_at, last_seen_at, decided_by, decided_at
FROM entra_contact_reconciliation_queue
WHERE id = @id;

-- name: GetItems :many
SELECT id, managed_tenant_id, entra_tenant_id, entra_object_id, user_principal_name, display_name, email, phone, role, account_enabled,
       licence_count, user_type, client_id, candidates, peers, reason, fingerprint, suggestion, suggested_contact, suggested_for,
       status, created_at, last_seen_at, decided_by, decided_at
FROM entra_contact_reconciliation_queue
WHERE id = ANY (@ids::uuid[]);

-- name: LockItem :exec
SELECT id FROM entra_contact_reconciliation_queue WHERE id = @id FOR UPDATE;

-- name: ListDecisions :many
-- Of each item the last decision, and the last that was carried out and takes none back.
SELECT d.item_id, d.attempt, d.action, d.contact_id, d.note, d.undoes, d.state, d.decided_by, d.requested_at, d.completed_at, d.result_contact_id,
       d.effect_id
FROM queue_decisions d
WHERE d.item_id = ANY (@item_ids::uuid[])
  AND d.attempt IN (
      (SELECT max(l.attempt) FROM queue_decisions l WHERE l.item_id = d.item_id),
      (SELECT max(l.attempt) FROM queue_decisions l WHERE l.item_id = d.item_id AND l.state = 'done' AND l.action <> 'undo'))
ORDER BY d.item_id, d.attempt;

-- name: IsOvertaken :one
-- Whether the identity was asked about anew, or decided about, since.
SELECT EXISTS (
    SELECT FROM entra_contact_reconciliation_queue q
    JOIN entra_contact_reconciliation_queue o
        ON o.entra_tenant_id = q.entra_tenant_id AND o.entra_object_id = q.entra_object_id AND o.id <> q.id
    WHERE q.id = @id AND (o.status = 'open' OR o.decided_at >= q.decided_at)
);

-- name: InsertDecision :exec
INSERT INTO queue_decisions (tenant_id, item_id, attempt, action, contact_id, note, undoes, state, decided_by, requested_at, completed_at, effect_id)
VALUES (NULLIF(current_setting('app.tenant', true), ''), @item_id, @attempt, @action, sqlc.narg(contact_id), sqlc.narg(note), sqlc.narg(undoes), @state,
        @decided_by, @now::timestamptz, sqlc.narg(completed_at), sqlc.narg(effect_id));

-- name: EndDecision :one
-- No row where it has ended.
UPDATE queue_decisions
SET state = @state, completed_at = @now::timestamptz, result_contact_id = sqlc.narg(result_contact_id)
WHERE item_id = @item_id AND attempt = @attempt AND state = 'pending'
RETURNING action, effect_id, decided_by;

-- name: CloseItem :exec
UPDATE entra_contact_reconciliation_queue
SET status = @status, decided_by = @decided_by, decided_at = @now::timestamptz, pending_attempt = NULL
WHERE id = @id AND status = 'open';

-- name: SetPending :exec
-- No round closes the item until the decision has ended.
UPDATE entra_contact_reconciliation_queue SET pending_attempt = sqlc.narg(attempt) WHERE id = @id;

-- name: ReopenItem :exec
-- An identity that was asked about anew meanwhile has an open item already.
UPDATE entra_contact_reconciliation_queue q
SET status = CASE WHEN other.open THEN 'superseded' ELSE 'open' END,
    superseded_at = CASE WHEN other.open THEN @now::timestamptz END,
    decided_by = NULL, decided_at = NULL
FROM (
    SELECT EXISTS (
        SELECT FROM entra_contact_reconciliation_queue m
        JOIN entra_contact_reconciliation_queue o
            ON o.entra_tenant_id = m.entra_tenant_id AND o.entra_object_id = m.entra_object_id AND o.id <> m.id AND o.status = 'open'
        WHERE m.id = @id) AS open
) AS other
WHERE q.id = @id AND q.status IN ('resolved', 'dismissed');
