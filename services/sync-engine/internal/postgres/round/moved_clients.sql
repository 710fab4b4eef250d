-- name: moved_clients
-- At which other clients the range's contacts are that change: the host moved them, and their links
-- stay with this one.
SELECT DISTINCT c.client_id
FROM plan p
CROSS JOIN LATERAL (SELECT c.client_id FROM contacts c WHERE c.id = p.contact_id LIMIT 1) c
WHERE p.n > @after AND p.n <= @up_to AND p.action IN ('inactivate', 'reactivate', 'resume', 'update', 'touch', 'missing') AND c.client_id <> @client;
