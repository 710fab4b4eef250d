-- name: head
-- Whoever writes contacts of a client makes its head: without one it has no contact.
SELECT COALESCE(max(revision), 0), count(*) > 0 FROM client_heads WHERE client_id = @client;
