-- name: DecideElsewhere
-- Where an address may be one client's only: identities that hit nobody here and somebody at
-- another client. They match with no hit.
-- $1 client, $2 after n, $3 up to n
INSERT INTO match (n, hits, taken)
SELECT DISTINCT a.n, 0, false
FROM address a
CROSS JOIN LATERAL (
    SELECT FROM contacts c
    WHERE c.email_norm = a.address AND c.client_id IS DISTINCT FROM $1::uuid AND NOT c.deleted
    LIMIT 1
) c
WHERE a.n > $2 AND a.n <= $3
ON CONFLICT (n) DO NOTHING;
