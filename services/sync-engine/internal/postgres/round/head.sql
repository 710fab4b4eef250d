-- name: head
SELECT COALESCE((SELECT revision FROM client_heads WHERE client_id = @client), 0);
