-- name: head
-- Every writer of a client's contacts makes its head row: without one it has no contact.
SELECT COALESCE(max(revision), 0), count(*) > 0 FROM client_heads WHERE client_id = @client;
