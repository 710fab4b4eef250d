-- name: Head
SELECT COALESCE((SELECT revision FROM client_heads WHERE client_id = $1), 0);
