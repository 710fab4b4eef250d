-- name: GetItem :one
SELECT id, managed_tenant_id, entra_tenant_id, entra_object_id, user_principal_name, display_name, email, phone, role, account_enabled,
       client_id, candidates, reason, fingerprint, status, created_at, last_seen_at, decided_by, decided_at
FROM entra_contact_reconciliation_queue
WHERE id = @id;

-- name: LockItem :exec
SELECT id FROM entra_contact_reconciliation_queue WHERE id = @id FOR UPDATE;

-- name: GetLastDecision :one
SELECT attempt, action, contact_id, note, state, decided_by, requested_at, completed_at, result_contact_id, effect_id
FROM queue_decisions
WHERE item_id = @item_id
ORDER BY attempt DESC
LIMIT 1;

-- name: InsertDecision :exec
INSERT INTO queue_decisions (tenant_id, item_id, attempt, action, contact_id, note, state, decided_by, requested_at, completed_at, effect_id)
VALUES (NULLIF(current_setting('app.tenant', true), ''), @item_id, @attempt, @action, sqlc.narg(contact_id), sqlc.narg(note), @state,
        @decided_by, @now::timestamptz, sqlc.narg(completed_at), sqlc.narg(effect_id));

-- name: EndDecision :one
-- No row where it has ended.
UPDATE queue_decisions
SET state = @state, completed_at = @now::timestamptz, result_contact_id = sqlc.narg(result_contact_id)
WHERE item_id = @item_id AND attempt = @attempt AND state = 'pending'
RETURNING effect_id, decided_by;

-- name: CloseItem :exec
UPDATE entra_contact_reconciliation_queue
SET status = @status, decided_by = @decided_by, decided_at = @now::timestamptz, pending_attempt = NULL
WHERE id = @id AND status = 'open';

-- name: SetPending :exec
-- No round closes the item until the decision has ended.
UPDATE entra_contact_reconciliation_queue SET pending_attempt = sqlc.narg(attempt) WHERE id = @id;
