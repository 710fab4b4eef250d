-- name: share_head
-- Whoever writes contacts of the client waits for both sessions of a round that apply ranges of its plan.
SELECT revision FROM client_heads WHERE client_id = @client FOR SHARE;
