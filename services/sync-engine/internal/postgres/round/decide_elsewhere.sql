-- name: decide_elsewhere
-- Where an address may be one client's only: identities that hit no contact here and one of
-- another client. They get a match without a hit.
INSERT INTO match (n, hits, taken)
SELECT DISTINCT a.n, 0, false
FROM address a
CROSS JOIN LATERAL (
    SELECT FROM contacts c
    WHERE c.email_norm = a.address AND c.client_id IS DISTINCT FROM @client::uuid AND NOT c.deleted
    LIMIT 1
) c
WHERE a.n > @after AND a.n <= @up_to
ON CONFLICT (n) DO NOTHING;
