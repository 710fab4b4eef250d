-- name: MovedClients
-- At which other clients the range's contacts are that change: the host moved them, and their links
-- stay with this one.
-- $1 client, $2 after n, $3 up to n
SELECT DISTINCT c.client_id
FROM plan p
CROSS JOIN LATERAL (SELECT c.client_id FROM contacts c WHERE c.id = p.contact_id LIMIT 1) c
WHERE p.n > $2 AND p.n <= $3 AND p.action IN ('inactivate', 'reactivate', 'resume', 'update', 'touch') AND c.client_id <> $1;
