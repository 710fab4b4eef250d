-- name: AddTicketKey :exec
INSERT INTO run_ticket_keys (tenant_id, key, created_at) VALUES (@tenant_id, @key, @now) ON CONFLICT DO NOTHING;

-- name: TicketKey :many
SELECT key FROM run_ticket_keys;
