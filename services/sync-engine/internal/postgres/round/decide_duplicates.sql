-- name: decide_duplicates
-- Unlinked identities of the directory that share an address.
ANALYZE address;
INSERT INTO duplicate (n, address)
SELECT a.n, a.address
FROM address a
JOIN (SELECT address FROM address GROUP BY address HAVING count(*) > 1) d ON d.address = a.address;
